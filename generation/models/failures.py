"""Error codes of failed jobs."""

from generation.engine.failures import FailureCode

# The safety check held the pictures back.
BLOCKED = "blocked"
# A picture to start from is gone.
NO_INPUT = "input"
# The request alone decided these: submitted again, it would fail again.
BY_REQUEST = (
    FailureCode.NAN.value,
    FailureCode.PROMPT.value,
    BLOCKED,
    NO_INPUT,
)
# Submitted again, these would fail again, though not by the customer's choice.
WITHOUT_RETRY = (*BY_REQUEST, FailureCode.ORIGIN.value)
