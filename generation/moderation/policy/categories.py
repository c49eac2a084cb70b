"""The categories of refusals, the gravest first, and their messages."""

from collections.abc import Mapping
from enum import StrEnum

from generation.engine.messages import gettext_noop


class Category(StrEnum):
    """The subject of a refusal. If several apply, the first is reported."""

    MINORS = "minors"
    SEXUAL = "sexual"
    NUDITY = "nudity"
    GORE = "gore"
    HATE = "hate"
    SELF_HARM = "self_harm"


CATEGORIES: Mapping[Category, str] = {
    Category.MINORS: gettext_noop("Pictures that sexualize children are never made here."),
    Category.SEXUAL: gettext_noop("Sexual pictures are not made here. Try other words."),
    Category.NUDITY: gettext_noop("Pictures of naked people are not made here. Try other words."),
    Category.GORE: gettext_noop("Pictures of cruelty are not made here. Try other words."),
    Category.HATE: gettext_noop("Pictures that spread hate are not made here. Try other words."),
    Category.SELF_HARM: gettext_noop(
        "Pictures of self-harm are not made here. If you are not well, please talk to somebody you trust."
    ),
}
"""The message for each, untranslated."""
