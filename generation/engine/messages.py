"""Translatable messages for users, without Django."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Self


class Message(str):  # noqa: SLOT000  # it carries its msgid and parameters
    """An English message; `gettext(msgid) % params` translates it."""

    msgid: str
    params: Mapping[str, int | float | str]

    def __new__(cls, msgid: str, **params: float | str) -> Self:
        message = super().__new__(cls, msgid % params)
        message.msgid = msgid
        message.params = MappingProxyType(params)
        return message


def gettext_noop(message: str) -> str:
    """Mark a message for extraction; the page that shows it translates it."""
    return message
