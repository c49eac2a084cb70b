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
    FailureCode.ORIGIN.value,
    BLOCKED,
    NO_INPUT,
)
