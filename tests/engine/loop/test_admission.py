"""Waiting tickets are admitted in order once their checkpoint is in memory."""

import math
from collections.abc import Iterator
from pathlib import Path

import pytest

from generation.engine.loading.loader import Loader
from generation.engine.loop.admission import Admission, AdmissionQueue
from generation.engine.loop.ticket import Ticket
from tests.engine.driving import a_request
from tests.engine.loading.test_loader import load
from tests.engine.tickets import a_ticket
from tests.engine.toy_checkpoints import toy


@pytest.fixture
def warm_loader(loader: Loader) -> Loader:
    """A loader with one idle checkpoint, the toy, in memory."""
    load(loader, "toy")
    loader.release(toy())
    return loader


@pytest.fixture
def queue(warm_loader: Loader) -> AdmissionQueue:
    return AdmissionQueue(warm_loader)


@pytest.fixture
def full_loader(checkpoint_root: Path) -> Iterator[Loader]:
    """A loader in which the toy, in use, leaves no room for another checkpoint."""
    loader = Loader(checkpoint_root, budget_bytes=1)
    load(loader, "toy")
    yield loader
    loader.close()


def keys(tickets: list[Ticket]) -> list[str]:
    return [ticket.key for ticket in tickets]


def admit_once_read(queue: AdmissionQueue, loader: Loader) -> Admission:
    """Admit after the loader's threads have done what they have begun."""
    for thread in (loader._measuring, loader._thread):
        thread.submit(int).result()
    return queue.admit()


def test_tickets_of_a_warm_checkpoint_are_admitted_in_order(queue: AdmissionQueue) -> None:
    for key in "abc":
        queue.add(a_ticket(key))

    admission = queue.admit()

    assert keys(admission.admitted) == ["a", "b", "c"]
    assert all(ticket.loaded is not None for ticket in admission.admitted)
    assert admission.loading == [] and admission.failed == []
    assert len(queue) == 0


def test_a_load_is_announced_once(queue: AdmissionQueue) -> None:
    queue.add(a_ticket("cold", request=a_request(checkpoint="toy-v")))

    first, second = queue.admit(), queue.admit()

    assert keys(first.loading) == ["cold"]
    assert second.loading == []


def test_a_load_holds_up_no_ticket_of_a_warm_checkpoint(queue: AdmissionQueue) -> None:
    queue.add(a_ticket("cold", request=a_request(checkpoint="toy-v")))
    queue.add(a_ticket("warm"))

    assert keys(queue.admit().admitted) == ["warm"]


def test_a_ticket_that_cannot_be_loaded_is_reported_and_stays_until_removed(
    queue: AdmissionQueue, tmp_path: Path, warm_loader: Loader
) -> None:
    warm_loader._root = tmp_path
    broken = a_ticket("broken", request=a_request(checkpoint="toy-v"))
    queue.add(broken)
    queue.add(a_ticket("warm"))
    assert keys(queue.admit().admitted) == ["warm"]

    admission = admit_once_read(queue, warm_loader)
    while not admission.failed:
        admission = admit_once_read(queue, warm_loader)

    assert [(ticket.key, "incomplete" in str(error)) for ticket, error in admission.failed] == [
        ("broken", True)
    ]
    queue.remove(broken)
    assert len(queue) == 0


def test_without_room_the_tickets_behind_wait_too(full_loader: Loader) -> None:
    queue = AdmissionQueue(full_loader)
    queue.add(a_ticket("first", request=a_request(checkpoint="toy-v")))
    assert keys(queue.admit().loading) == ["first"]
    queue.add(a_ticket("behind it"))

    admission = admit_once_read(queue, full_loader)

    assert admission.admitted == admission.loading == []
    assert len(queue) == 2


def test_a_removed_ticket_lets_those_behind_it_in(full_loader: Loader) -> None:
    queue = AdmissionQueue(full_loader)
    first = a_ticket("first", request=a_request(checkpoint="toy-v"))
    queue.add(first)
    queue.admit()
    queue.add(a_ticket("behind it"))
    assert admit_once_read(queue, full_loader).admitted == []

    queue.remove(first)

    assert keys(queue.admit().admitted) == ["behind it"]


def test_an_admitted_ticket_uses_its_checkpoint_until_it_is_removed(
    queue: AdmissionQueue, warm_loader: Loader
) -> None:
    ticket = a_ticket()
    queue.add(ticket)
    queue.admit()
    assert warm_loader._entries["toy"].users == 1

    queue.remove(ticket)

    assert warm_loader._entries["toy"].users == 0
    assert ticket.loaded is None


def test_a_ticket_that_goes_on_with_its_refiner_is_before_newcomers(queue: AdmissionQueue) -> None:
    queue.add(a_ticket("newcomer"))

    queue.add_first(a_ticket("refining"))

    assert keys(queue.admit().admitted) == ["refining", "newcomer"]


def test_the_earliest_deadline_is_that_of_a_waiting_ticket(queue: AdmissionQueue) -> None:
    assert queue.earliest_deadline == math.inf
    for key, deadline in (("none", None), ("late", 30.0), ("early", 20.0)):
        queue.add(a_ticket(key, deadline=deadline))
    assert queue.earliest_deadline == 20.0

    queue.admit()

    assert queue.earliest_deadline == math.inf
