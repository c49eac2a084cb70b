"""Messages of the engine in the active language."""

from django.utils.translation import gettext as _


def translated(message: str) -> str:
    """The translation of a `Message`, or of a plain sentence."""
    msgid = getattr(message, "msgid", message)
    return _(msgid) % getattr(message, "params", {}) if msgid else message
