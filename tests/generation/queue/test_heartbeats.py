import time

import pytest
from django.core.cache import cache
from django.core.cache.backends.redis import RedisCache

from generation.queue import heartbeats
from generation.queue.heartbeats import Pace, Pacer, Totals
from tests.generation.workers import say


def totals(*, steps, rows=0, us=0):
    return Totals(steps=steps, rows=rows, busy_us={"step": us})


def test_workers_are_heard_by_name():
    second, first = say("machine:2"), say("machine:1")

    assert heartbeats.alive() == [first, second]


def test_the_last_word_counts():
    say(slots=2)
    last = say(slots=5)

    assert heartbeats.alive() == [last]


def test_a_worker_that_says_nothing_is_gone(monkeypatch):
    monkeypatch.setattr(heartbeats, "EXPIRY_SECONDS", 0.05)
    heartbeats.say(say())

    time.sleep(0.1)

    assert heartbeats.alive() == []


def test_a_worker_that_takes_its_leave_is_gone_at_once():
    say()

    heartbeats.withdraw("machine:1")

    assert heartbeats.alive() == []


def test_a_name_that_got_lost_is_written_down_at_the_next_heartbeat():
    say("machine:1")
    # Like another worker that read the names before this one wrote its own.
    cache.set(heartbeats._NAMES, {"machine:2": time.time()})

    heartbeat = say("machine:1")

    assert heartbeats.alive() == [heartbeat]


def test_names_of_long_ago_are_forgotten():
    cache.set(heartbeats._NAMES, {"machine:9": time.time() - 2 * 3_600})

    say("machine:1")

    assert set(cache.get(heartbeats._NAMES)) == {"machine:1"}


def test_a_worker_goes_on_without_valkey(monkeypatch):
    monkeypatch.setattr(heartbeats, "cache", RedisCache("redis://127.0.0.1:1/0", {}))

    say()


@pytest.mark.parametrize(("is_stopping", "free"), [(False, 3), (True, 0)])
def test_a_worker_that_stops_has_no_free_slot(is_stopping, free):
    assert say(slots=3, is_stopping=is_stopping).free_slots == free


# Pace -------------------------------------------------------------------------------------------


def test_the_first_look_knows_no_pace():
    assert Pacer()(totals(steps=7), at=0.0) == Pace()


def test_pace_is_what_was_done_between_two_looks():
    pacer = Pacer()
    pacer(totals(steps=10, rows=100, us=1_000_000), at=0.0)

    pace = pacer(totals(steps=20, rows=140, us=3_000_000), at=4.0)

    assert pace == Pace(steps_per_second=2.5, rows_per_step=4.0, busy_share=0.5)


def test_pace_forgets_what_was_long_ago():
    pacer = Pacer()
    pacer(totals(steps=0), at=0.0)
    pacer(totals(steps=1_000), at=1.0)

    pace = pacer(totals(steps=1_010), at=1.0 + heartbeats.RECENT_SECONDS)

    assert pace.steps_per_second == 10 / heartbeats.RECENT_SECONDS


def test_an_idle_device_has_no_batch():
    pacer = Pacer()
    pacer(totals(steps=3, rows=9), at=0.0)

    assert pacer(totals(steps=3, rows=9), at=1.0) == Pace()


def test_a_step_that_took_longer_than_the_look_back_is_not_more_than_all():
    pacer = Pacer()
    pacer(totals(steps=0), at=0.0)

    assert pacer(totals(steps=1, us=60_000_000), at=1.0).busy_share == 1.0
