"""Other threads' submissions and cancellations reach the loop once, in order, and wake it."""

import threading
import time

import pytest

from generation.engine.loop.mailbox import Mail, Mailbox
from tests.engine.tickets import a_ticket

NOTHING = Mail(arrived=[], canceled=set(), suspended=set(), wants_saving=False)


@pytest.fixture
def mailbox() -> Mailbox:
    return Mailbox()


def test_an_empty_mailbox_has_nothing(mailbox: Mailbox) -> None:
    assert not mailbox.wait(0)
    assert mailbox.take() == NOTHING


def test_tickets_arrive_in_order(mailbox: Mailbox) -> None:
    tickets = [a_ticket(str(number)) for number in range(5)]
    for ticket in tickets:
        mailbox.submit(ticket)

    mail = mailbox.take()

    assert mail.arrived == tickets
    assert mail.canceled == set()


def test_mail_is_taken_once(mailbox: Mailbox) -> None:
    mailbox.submit(a_ticket())
    mailbox.cancel("ticket")
    mailbox.cancel("ticket")

    assert [ticket.key for ticket in mailbox.take().arrived] == ["ticket"]
    assert mailbox.take() == NOTHING
    assert not mailbox.wait(0)


def test_a_cancellation_is_kept_beside_its_submission(mailbox: Mailbox) -> None:
    mailbox.cancel("early")
    mailbox.submit(a_ticket("early"))

    mail = mailbox.take()

    assert [ticket.key for ticket in mail.arrived] == ["early"]
    assert mail.canceled == {"early"}


def test_a_call_to_suspend_or_to_save_is_mail(mailbox: Mailbox) -> None:
    mailbox.suspend("ticket")
    mailbox.save()

    assert mailbox.wait(0)
    mail = mailbox.take()

    assert mail.suspended == {"ticket"}
    assert mail.wants_saving
    assert mailbox.take() == NOTHING


def test_a_wake_up_without_mail_lets_the_loop_turn_once(mailbox: Mailbox) -> None:
    mailbox.wake()

    assert mailbox.wait(0)
    assert mailbox.wait(0)
    assert mailbox.take() == NOTHING
    assert not mailbox.wait(0)


@pytest.mark.parametrize("call", ["submit", "cancel", "wake"])
def test_every_call_wakes_a_waiting_loop(mailbox: Mailbox, call: str) -> None:
    arguments = {"submit": (a_ticket(),), "cancel": ("key",), "wake": ()}[call]
    timer = threading.Timer(0.02, getattr(mailbox, call), arguments)
    timer.start()
    started = time.monotonic()

    assert mailbox.wait(120)

    assert time.monotonic() - started < 100
    timer.join()


def test_nothing_is_lost_between_threads(mailbox: Mailbox) -> None:
    senders = [
        threading.Thread(
            target=lambda name=name: [mailbox.submit(a_ticket(f"{name} {n}")) for n in range(100)]
        )
        for name in "abcd"
    ]
    for sender in senders:
        sender.start()
    seen: list[str] = []
    while len(seen) < 400:
        assert mailbox.wait(120)
        seen += [ticket.key for ticket in mailbox.take().arrived]
    for sender in senders:
        sender.join()

    for name in "abcd":
        own = [key for key in seen if key.startswith(name)]
        assert own == [f"{name} {n}" for n in range(100)]
