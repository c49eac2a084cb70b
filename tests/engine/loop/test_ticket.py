"""A ticket keeps its charges, its limits and its progress over both halves of a refined run."""

import time

import pytest
import torch

from generation.engine.diffusion.run_state import RunState
from generation.engine.failures import FailureCode
from generation.engine.saved_run import SavedRun
from tests.engine.driving import a_request
from tests.engine.tickets import a_run, a_ticket, an_encoded_ticket
from tests.engine.toy_checkpoints import toy


def test_only_billed_charges_count_towards_the_budget() -> None:
    ticket = a_ticket(budget_us=100)
    ticket.charge("load", 1_000, billed=False)
    ticket.charge("step", 99, index=1)
    assert ticket.overrun() is None

    ticket.charge("step", 1, index=2)

    assert ticket.billed_us == 100
    assert ticket.overrun() is FailureCode.BUDGET


def test_what_has_an_index_is_billed_once() -> None:
    ticket = a_ticket()
    for _ in range(2):
        ticket.charge("step", 5, index=1)
        ticket.charge("encode", 3)
    ticket.charge("step", 5, index=2)

    assert [charge.billed for charge in ticket.charges] == [True, True, False, True, True]


def test_a_budget_of_nothing_is_a_limit() -> None:
    assert a_ticket(budget_us=0).overrun() is FailureCode.BUDGET


@pytest.mark.parametrize(("seconds", "code"), [(-1, FailureCode.DEADLINE), (60, None)])
def test_a_deadline_that_has_passed_is_an_overrun(seconds: float, code: FailureCode | None) -> None:
    assert a_ticket(deadline=time.monotonic() + seconds).overrun() is code


def test_progress_counts_steps_from_the_encoding_on() -> None:
    ticket = a_ticket()
    assert (ticket.progress, ticket.is_stepping) == ((0, 4), False)

    ticket.run = a_run(ticket.request)
    ticket.run.step = 3
    assert (ticket.progress, ticket.is_stepping) == ((3, 4), True)

    ticket.run.step = 4
    assert (ticket.progress, ticket.is_stepping) == ((4, 4), False)


def test_progress_begins_with_the_steps_of_the_origin() -> None:
    run = RunState(step=3, latents=torch.zeros(1, 4, 16, 16), generators=(), schedule={})
    origin = SavedRun(
        version="", run=run, is_refining=False, steps_before=0, carried=None, charges=()
    )
    request = a_request(origin="a" * 64, origin_step=3)

    assert a_ticket(request=request, origin=origin).progress == (3, 4)


def test_a_draft_has_no_step_after_its_last() -> None:
    ticket = an_encoded_ticket(request=a_request(draft_steps=2))
    assert ticket.run is not None
    ticket.run.step = 1
    assert (ticket.progress, ticket.is_stepping, ticket.is_drafted) == ((1, 2), True, False)

    ticket.run.step = 2
    assert (ticket.progress, ticket.is_stepping, ticket.is_drafted) == ((2, 2), False, True)


def test_a_refiner_goes_on_with_the_latents_and_the_count_of_steps() -> None:
    request = a_request(checkpoint="toy-xl", refiner_share=0.5)
    ticket = an_encoded_ticket(request=request)
    assert ticket.run is not None
    ticket.run.step, latents = 2, ticket.run.latents
    assert ticket.awaits_refiner

    ticket.hand_over(toy("toy-xl-refiner"))

    assert ticket.carried is latents
    assert ticket.checkpoint.id == "toy-xl-refiner"
    assert ticket.progress[0] == 2
    assert ticket.run is None
    assert not ticket.awaits_refiner


def test_a_request_without_a_refiner_awaits_none() -> None:
    assert not an_encoded_ticket().awaits_refiner


def test_a_preview_is_due_once_an_interval_and_only_while_watched() -> None:
    watched, unwatched = a_ticket(wants_preview=lambda: True), a_ticket()
    assert watched.is_due_for_preview(interval=60)
    assert not unwatched.is_due_for_preview(interval=0)

    watched.previewed_at = time.monotonic()

    assert not watched.is_due_for_preview(interval=60)


def test_each_pending_image_knows_its_ticket_and_its_number() -> None:
    ticket = an_encoded_ticket(request=a_request(num_images=3))

    images = ticket.pending_images()

    assert [image.index for image in images] == [0, 1, 2]
    assert all(image.ticket is ticket.ticket and image.run is ticket.run for image in images)
