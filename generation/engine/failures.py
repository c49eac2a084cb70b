"""Reasons for a run to fail, and what a customer is told."""

from enum import StrEnum

from generation.engine.messages import gettext_noop


class FailureCode(StrEnum):
    """Reasons for a run to fail."""

    NAN = "nan"
    PROMPT = "prompt"
    OUT_OF_MEMORY = "out_of_memory"
    BUDGET = "budget"
    DEADLINE = "deadline"
    LOAD = "load"
    ORIGIN = "origin"
    ERROR = "error"


MESSAGES = {
    FailureCode.NAN: gettext_noop("The model gave no usable picture. Try another seed or size."),
    FailureCode.PROMPT: gettext_noop("The model cannot read this prompt. Use smaller weights."),
    FailureCode.OUT_OF_MEMORY: gettext_noop("The picture is too large for this device's memory."),
    FailureCode.BUDGET: gettext_noop("The run took far longer than expected and was stopped."),
    FailureCode.DEADLINE: gettext_noop("The run did not finish in time."),
    FailureCode.LOAD: gettext_noop("This checkpoint could not be loaded."),
    FailureCode.ORIGIN: gettext_noop("This picture can't be continued any more. Create it again."),
    FailureCode.ERROR: gettext_noop("Something went wrong while making this picture."),
}
