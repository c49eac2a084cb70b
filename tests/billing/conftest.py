from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.dispatch import Signal
from django.utils import timezone

from accounts.models import User


class Clock:
    """Replaces the wall clock; moves only by `advance` and `at`."""

    def __init__(self) -> None:
        self.at = datetime.now(tz=timezone.get_default_timezone()).replace(microsecond=0)

    def now(self) -> datetime:
        return self.at

    def advance(self, **duration: float) -> None:
        self.at += timedelta(**duration)

    def after(self, **duration: float) -> datetime:
        return self.at + timedelta(**duration)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(timezone, "now", clock.now)
    return clock


@pytest.fixture
def alice(db: None) -> User:
    return User.objects.create_user("alice@example.com", "correct horse battery")


@pytest.fixture
def bob(db: None) -> User:
    return User.objects.create_user("bob@example.com", "correct horse battery")


Told = list[dict[str, Any]]


@pytest.fixture
def listen() -> Iterator[Callable[[Signal], Told]]:
    """A function from a signal to the list of its calls until the test ends."""
    with ExitStack() as stack:

        def listen(signal: Signal) -> Told:
            told: Told = []

            def note(**said: Any) -> None:
                told.append(said)

            signal.connect(note, weak=False)
            stack.callback(signal.disconnect, note)
            return told

        yield listen
