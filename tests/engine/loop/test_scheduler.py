"""A ticket is in one queue at a time: admission, denoising, decoding, and admission again to refine."""

import pytest

from generation.engine.loading.loader import Loader
from generation.engine.loop.batch_limit import BatchLimit
from generation.engine.loop.scheduler import Scheduler
from generation.engine.loop.ticket import Ticket
from tests.engine.driving import a_request
from tests.engine.loading.test_loader import load
from tests.engine.tickets import a_run, a_ticket
from tests.engine.toy_checkpoints import toy


@pytest.fixture
def scheduler(loader: Loader) -> Scheduler:
    """A scheduler with the toy in memory."""
    load(loader, "toy")
    loader.release(toy())
    return Scheduler(loader, BatchLimit(initial=4))


def a_stepping_ticket(scheduler: Scheduler, key: str, **terms: object) -> Ticket:
    """Add a ticket, admit it and let it take part in denoising."""
    ticket = a_ticket(key, **terms)
    scheduler.add(ticket)
    scheduler.admit()
    ticket.run = a_run(ticket.request)
    scheduler.start(ticket)
    return ticket


def test_a_waiting_ticket_is_no_work(scheduler: Scheduler) -> None:
    scheduler.add(a_ticket("a", deadline=9.0))

    assert (scheduler.num_waiting, scheduler.has_work) == (1, False)
    assert scheduler.earliest_deadline == 9.0
    assert scheduler.next_batch() == []


def test_an_admitted_ticket_is_work(scheduler: Scheduler) -> None:
    scheduler.add(a_ticket("a"))

    (ticket,) = scheduler.admit().admitted

    assert scheduler.find("a") is ticket
    assert (scheduler.num_waiting, scheduler.has_work) == (0, True)


def test_a_key_in_use_is_a_mistake(scheduler: Scheduler) -> None:
    scheduler.add(a_ticket("a"))

    with pytest.raises(AssertionError, match="a has not ended yet"):
        scheduler.add(a_ticket("a"))


def test_a_pass_has_no_more_rows_than_the_batch_limit(scheduler: Scheduler) -> None:
    for key in "abc":
        a_stepping_ticket(scheduler, key)

    assert len(scheduler.next_batch()) == 2


def test_a_ticket_with_finished_latents_steps_no_more_and_is_decoded_once(
    scheduler: Scheduler,
) -> None:
    ticket = a_stepping_ticket(scheduler, "a", request=a_request(num_images=2))

    scheduler.finish_denoising(ticket)

    assert scheduler.next_batch() == []
    assert [image.index for image in scheduler.next_images()] == [0, 1]
    assert scheduler.next_images() == []
    assert scheduler.has_work


def test_a_handed_over_ticket_waits_for_its_refiner_and_releases_the_base_model(
    scheduler: Scheduler, loader: Loader
) -> None:
    load(loader, "toy-xl")
    loader.release(toy("toy-xl"))
    request = a_request(checkpoint="toy-xl", refiner_share=0.5)
    ticket = a_stepping_ticket(scheduler, "a", request=request)

    scheduler.hand_over(ticket)

    assert ticket.checkpoint.id == "toy-xl-refiner"
    assert loader._entries["toy-xl"].users == 0
    assert (scheduler.num_waiting, scheduler.has_work) == (1, False)
    assert scheduler.next_batch() == [] and scheduler.next_images() == []


@pytest.mark.parametrize("stage", ["waiting", "stepping", "decoding"])
def test_a_removed_ticket_is_in_no_queue(scheduler: Scheduler, loader: Loader, stage: str) -> None:
    if stage == "waiting":
        ticket = a_ticket("a")
        scheduler.add(ticket)
    else:
        ticket = a_stepping_ticket(scheduler, "a")
    if stage == "decoding":
        scheduler.finish_denoising(ticket)

    scheduler.remove(ticket)

    assert scheduler.find("a") is None and scheduler.tickets == ()
    assert (scheduler.num_waiting, scheduler.has_work) == (0, False)
    assert scheduler.next_batch() == [] and scheduler.next_images() == []
    assert loader._entries["toy"].users == 0


def test_the_batch_limit_learns_from_whole_passes(loader: Loader) -> None:
    limit = BatchLimit(initial=2, maximum=4)
    scheduler = Scheduler(loader, limit)
    load(loader, "toy")
    tickets = [a_stepping_ticket(scheduler, "a")]
    (batch_key,) = {ticket.batch_key for ticket in tickets}

    for _ in range(6):
        scheduler.observe(tickets, us=1_000)

    assert limit(batch_key) == 4
