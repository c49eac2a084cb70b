"""Batched session checks of many sockets."""

import asyncio

import pytest
from django.db import OperationalError

from accounts import sessions
from generation.live import session_watch
from generation.live.session_watch import SessionWatch

PATIENCE = 30


class Socket:
    def __init__(self, number):
        self.session_key = f"session-{number}"
        self.user_id = number
        self.left = asyncio.Event()

    def leave(self):
        self.left.set()


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    for name in ("LOOK_SECONDS", "SIGN_OUT_SECONDS", "SESSION_CHECK_SECONDS"):
        monkeypatch.setattr(session_watch, name, 0.05)


class Looks:
    """Answers the checks in order, repeating the last answer; records the questions."""

    def __init__(self):
        self.answers = [set()]
        self.asked = []

    def __call__(self, users):
        self.asked.append(set(users))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture
def looks(monkeypatch):
    looks = Looks()
    monkeypatch.setattr(sessions, "signing_in", looks)
    return looks


async def left(socket):
    async with asyncio.timeout(PATIENCE):
        await socket.left.wait()


async def test_all_that_are_due_are_looked_at_together(looks):
    watch, sockets = SessionWatch(), [Socket(number) for number in range(5)]
    looks.answers = [{sockets[0].session_key}]

    for each in sockets:
        watch.add(each)
    for each in sockets[1:]:
        await left(each)

    assert looks.asked[0] == {each.session_key for each in sockets}
    assert not sockets[0].left.is_set()


async def test_not_more_at_once_than_a_query_is_good_for(looks, monkeypatch):
    monkeypatch.setattr(session_watch, "AT_ONCE", 2)
    watch, sockets = SessionWatch(), [Socket(number) for number in range(5)]

    for each in sockets:
        watch.add(each)
    for each in sockets:
        await left(each)

    assert max(map(len, looks.asked)) == 2


async def test_a_look_that_fails_is_repeated_and_sends_nobody_away(looks):
    watch, socket = SessionWatch(), Socket(1)
    looks.answers = [OperationalError("restarting"), {socket.session_key}, set()]

    watch.add(socket)
    await left(socket)

    assert len(looks.asked) == 3


async def test_it_rests_while_nobody_is_there_and_begins_again(looks):
    watch, first, second = SessionWatch(), Socket(1), Socket(2)
    watch.add(first)
    await left(first)

    asked = len(looks.asked)
    await asyncio.sleep(0.3)
    assert len(looks.asked) == asked

    watch.add(second)
    await left(second)
