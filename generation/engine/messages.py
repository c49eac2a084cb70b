"""Sentences for people, written once in English and translated where they are shown."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Self


class Message(str):  # noqa: SLOT000  # it carries what it was made from
    """A sentence fit to show; `gettext(msgid) % params` says it in another language."""

    msgid: str
    params: Mapping[str, int | float | str]

    def __new__(cls, msgid: str, **params: float | str) -> Self:
        message = super().__new__(cls, msgid % params)
        message.msgid = msgid
        message.params = MappingProxyType(params)
        return message


def gettext_noop(message: str) -> str:
    """Mark a message for extraction; it is translated where it is shown."""
    return message
