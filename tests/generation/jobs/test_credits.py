"""Jobs that are paid in credits: a fixed price, held at the quote and captured on delivery."""

import math
from dataclasses import replace

import pytest

from billing import ledger, pricing
from billing.models import Subscription, Unit
from billing.plans import PAY_AS_YOU_GO
from generation import jobs
from generation.engine.charges import Charge
from generation.engine.enums import NoiseScheduler
from generation.jobs import admission, receipt_view
from generation.models import Job, Status
from generation.queue import estimates
from tests.billing import provider
from tests.billing.books import balance
from tests.generation.books import assert_books_balance
from tests.generation.carrying import CHARGES, PICTURE
from tests.generation.rows import make_request

pytestmark = pytest.mark.django_db

# The sketchbook's tenth of a credit is for 256 x 256 pixels and 30 steps.
REQUEST = make_request(width=256, height=256, num_inference_steps=60)
PRICE = 200


def credits_of(user):
    return ledger.available(user, Unit.CREDITS)


@pytest.fixture
def buyer(charlie):
    provider.buy(charlie, "credits-2900")
    return charlie


def submit(user, request=REQUEST):
    return jobs.submit(user, request, unit=Unit.CREDITS)


def claim(user, request=REQUEST):
    submit(user, request)
    return jobs.claim(worker="machine:1")


def test_the_price_is_held_at_the_quote_and_no_minutes_are(buyer):
    before, minutes = credits_of(buyer), balance(buyer)

    job = submit(buyer)

    assert admission.credits(REQUEST) == job.credits == PRICE
    assert credits_of(buyer) == before - PRICE
    assert balance(buyer) == minutes
    assert_books_balance()


def test_a_very_long_prompt_costs_more_in_proportion_to_its_steps(buyer):
    request = replace(REQUEST, prompt="a tin robot waters orchids, " * 1_000)
    before = credits_of(buyer)

    job = claim(buyer, request)

    factor = estimates.length_factor(request)
    assert factor > 10
    assert job.credits == admission.credits(request) == math.ceil(PRICE * factor)
    assert credits_of(buyer) == before - job.credits
    jobs.finish(job, [PICTURE], CHARGES)
    job.refresh_from_db()
    assert job.charged_credits == job.credits
    assert receipt_view.build(job).to_dict()["charged"] == job.credits
    assert_books_balance()


def test_two_evaluations_a_step_are_quoted_held_and_charged_twice(buyer):
    request = replace(REQUEST, noise_scheduler=NoiseScheduler.HEUN)
    before = credits_of(buyer)

    job = claim(buyer, request)

    quoted = admission.check(buyer, request, unit=Unit.CREDITS).price
    assert quoted == job.credits == before - credits_of(buyer) == 2 * PRICE
    jobs.finish(job, [PICTURE], CHARGES)
    job.refresh_from_db()
    receipt = receipt_view.build(job).to_dict()
    assert receipt["charged"] == receipt["quote"]["credits"] == 2 * PRICE
    assert_books_balance()


def test_the_price_is_charged_on_delivery_whatever_time_it_took(buyer):
    before = credits_of(buyer)
    job = claim(buyer)

    jobs.finish(job, [PICTURE], [Charge(phase="step", index=1, us=10**9)])

    job.refresh_from_db()
    assert (job.charged_credits, job.charged_ms) == (PRICE, 0)
    assert credits_of(buyer) == before - PRICE
    assert {line.why for line in job.parsed_receipt.steps} == {"credits"}
    assert_books_balance()


def test_a_failure_costs_nothing(buyer):
    before = credits_of(buyer)
    job = claim(buyer)

    jobs.fail(job, code="nan", message="No picture.", charges=CHARGES)

    job.refresh_from_db()
    assert job.charged_credits == 0
    assert credits_of(buyer) == before
    assert_books_balance()


@pytest.mark.parametrize(("steps_done", "due"), [(0, 0), (1, 3), (30, 100), (59, 196), (60, 200)])
def test_a_canceled_picture_costs_its_part_of_the_steps(buyer, steps_done, due):
    before = credits_of(buyer)
    job = claim(buyer)
    steps = [Charge(phase="step", index=number, us=1_000) for number in range(1, steps_done + 1)]

    jobs.stop(job, [Charge(phase="encode", us=5_000), *steps])

    job.refresh_from_db()
    assert (job.status, job.charged_credits) == (Status.CANCELED, due)
    assert credits_of(buyer) == before - due
    assert_books_balance()


def test_a_job_canceled_in_line_costs_nothing(buyer):
    before = credits_of(buyer)

    jobs.cancel(submit(buyer))

    assert Job.objects.get().charged_credits == 0
    assert credits_of(buyer) == before
    assert_books_balance()


def test_without_credits_a_job_is_refused_even_if_it_may_wait(charlie):
    with pytest.raises(ledger.InsufficientBalance):
        jobs.submit(charlie, REQUEST, unit=Unit.CREDITS, may_wait=True)

    assert not Job.objects.exists()


def test_who_pays_by_the_credit_has_limits_of_their_own(buyer):
    job = submit(buyer)

    assert (job.plan, job.jobs_at_once, job.queue_weight) == (
        "credits",
        PAY_AS_YOU_GO.jobs_at_once,
        PAY_AS_YOU_GO.queue_weight,
    )


def test_credits_are_good_while_a_plans_payment_is_overdue(alice):
    provider.buy(alice, "credits-2900")
    Subscription.objects.update(
        status=Subscription.Status.PAST_DUE, current_period_start="2020-01-01T00:00Z"
    )

    assert submit(alice).status == Status.QUEUED


def test_the_statement_says_what_was_paid_in_credits(buyer):
    job = claim(buyer)
    jobs.finish(job, [PICTURE], CHARGES)

    statement = receipt_view.build(Job.objects.get()).to_dict()

    assert (statement["unit"], statement["charged"]) == ("credits", PRICE)
    assert sum(grant["amount"] for grant in statement["grants"]) == PRICE
    assert not any(line["billed"] for line in statement["lines"])


@pytest.mark.parametrize("price", [1, 7, 200, 3_500])
def test_the_parts_of_a_price_rise_with_the_steps_and_never_exceed_it(price):
    parts = [pricing.credits_for_part(price, steps_done=done, steps=30) for done in range(32)]

    assert parts == sorted(parts)
    assert (parts[0], parts[30], parts[31]) == (0, price, price)
