"""Jobs without minutes: parked or relaxed, without a hold, started automatically."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from accounts.models import User
from billing import ledger, plan_changes, plans, subscriptions
from billing.models import Hold, Interval, Subscription, Unit
from billing.plans import PLANS
from billing.providers import sandbox
from generation import jobs
from generation.jobs import admission, parking
from generation.models import Job, Status
from tests.billing import provider
from tests.billing.books import balance, fund
from tests.generation.books import assert_books_balance
from tests.generation.carrying import CHARGES, PICTURE
from tests.generation.rows import make_job, make_request

# Parked jobs start when a balance's rise is committed.
pytestmark = pytest.mark.django_db(transaction=True)


def spend(user: User, amount: int) -> None:
    reference = f"spent:{uuid4()}"
    ledger.hold(user, unit=Unit.GPU_MS, amount=amount, reference=reference)
    ledger.capture(reference, amount=amount)


def run_out(user: User) -> None:
    spend(user, balance(user))
    assert balance(user) == 0


def ask(user: User, **values: object) -> Job:
    request = make_request(**{"num_inference_steps": 100, **values})
    return jobs.submit(user, request, may_wait=True)


def put_on(plan: str, user: User) -> None:
    Subscription.objects.filter(user=user).update(plan=plan)


# Parked -----------------------------------------------------------------------------------------


def test_a_basic_job_without_minutes_is_parked_and_holds_nothing(alice):
    run_out(alice)

    job = ask(alice)

    assert job.status == Status.PARKED
    assert not Hold.objects.filter(status=Hold.Status.OPEN).exists()
    assert jobs.claim(worker="machine:1") is None
    assert [str(move) for move in job.transitions.all()] == ["new -> parked"]
    assert_books_balance()


def test_who_may_not_wait_is_refused(alice):
    run_out(alice)

    with pytest.raises(ledger.InsufficientBalance):
        jobs.submit(alice, make_request())

    assert not Job.objects.exists()


def test_no_more_than_some_are_parked(alice):
    run_out(alice)
    for _ in range(admission.MOST_PARKED):
        ask(alice)

    with pytest.raises(jobs.TooManyJobs):
        ask(alice)


def buy(user):
    provider.buy(user, "minutes-100")


def upgrade(user):
    plan_changes.change(user, plan_changes.offer(user, PLANS["standard"], Interval.MONTH).token)


def wait_for_the_next_month(user):
    subscription = Subscription.objects.get(user=user)
    sandbox.let_period_pass(subscription.provider_subscription_id)
    subscriptions.synchronize(subscription.provider_subscription_id)


def be_given_some(user):
    ledger.adjust(user, unit=Unit.GPU_MS, amount=600_000, reference="sorry", note="Sorry (Olga)")


@pytest.mark.parametrize("whatever", [buy, upgrade, wait_for_the_next_month, be_given_some])
def test_a_parked_job_starts_by_itself_whatever_brought_the_minutes(alice, whatever):
    run_out(alice)
    job = ask(alice)

    whatever(alice)

    job.refresh_from_db()
    assert job.status == Status.QUEUED
    assert not job.is_relaxed
    assert Hold.objects.get(reference=job.hold_reference).amount == job.hold_ms
    assert_books_balance()


def test_a_parked_job_starts_when_another_leaves_enough(alice):
    run_out(alice)
    fund(alice, 60_000)
    first = ask(alice)
    spend(alice, balance(alice))
    second = ask(alice)
    assert (first.status, second.status) == (Status.QUEUED, Status.PARKED)

    jobs.cancel(first)

    second.refresh_from_db()
    assert second.status == Status.QUEUED
    assert_books_balance()


def test_a_parked_job_starts_when_a_picture_cost_less_than_its_hold(alice):
    run_out(alice)
    fund(alice, 60_000)
    first = ask(alice)
    all_but_too_little = balance(alice) - (first.hold_ms - 1)
    spend(alice, all_but_too_little)
    second = ask(alice)
    assert second.status == Status.PARKED

    jobs.finish(jobs.claim(worker="machine:1"), [PICTURE], CHARGES)

    second.refresh_from_db()
    assert second.status == Status.QUEUED
    assert_books_balance()


def test_as_many_start_as_there_are_minutes_for_the_oldest_first(alice):
    run_out(alice)
    parked = [ask(alice) for _ in range(4)]

    fund(alice, 2 * parked[0].hold_ms)

    statuses = [Job.objects.get(pk=job.pk).status for job in parked]
    assert statuses == [Status.QUEUED, Status.QUEUED, Status.PARKED, Status.PARKED]
    assert balance(alice) == 0
    assert_books_balance()


def test_minutes_of_others_start_nothing(alice, bob):
    run_out(alice)
    job = ask(alice)

    fund(bob, 600_000)

    job.refresh_from_db()
    assert job.status == Status.PARKED


def test_credits_start_nothing(alice):
    run_out(alice)
    job = ask(alice)

    provider.buy(alice, "credits-2900")

    job.refresh_from_db()
    assert job.status == Status.PARKED


def test_if_nobody_was_told_of_the_minutes_the_task_finds_out(alice, monkeypatch):
    run_out(alice)
    job = ask(alice)
    with monkeypatch.context() as deaf:
        deaf.setattr(parking, "start", lambda _user: 0)
        fund(alice, 600_000)

    assert parking.start_everybodys() == 1
    assert parking.start_everybodys() == 0

    job.refresh_from_db()
    assert job.status == Status.QUEUED


def test_a_parked_job_can_be_canceled(alice):
    run_out(alice)
    job = ask(alice)

    jobs.cancel(job)
    fund(alice, 600_000)

    job.refresh_from_db()
    assert (job.status, job.charged_ms) == (Status.CANCELED, 0)
    assert_books_balance()


def test_a_full_line_leaves_it_parked(alice):
    run_out(alice)
    job = ask(alice)
    for _ in range(PLANS["basic"].jobs_at_once * admission.WAITING_FOR_EACH_RUNNING):
        make_job(alice, status=Status.QUEUED)
    Job.objects.queued().update(is_relaxed=True)

    fund(alice, 600_000)

    job.refresh_from_db()
    assert job.status == Status.PARKED
    assert balance(alice) == 600_000
    assert_books_balance()


def test_while_a_payment_is_overdue_nothing_starts(alice):
    run_out(alice)
    job = ask(alice)
    Subscription.objects.update(
        status=Subscription.Status.PAST_DUE,
        current_period_start=timezone.now() - plans.GRACE - timedelta(days=1),
    )

    fund(alice, 600_000)

    job.refresh_from_db()
    assert job.status == Status.PARKED
    with pytest.raises(plans.PaymentOverdue):
        ask(alice)
    assert_books_balance()


def test_a_parked_job_goes_on_todays_terms(alice):
    run_out(alice)
    job = ask(alice)

    put_on("premium", alice)
    fund(alice, 600_000)

    job.refresh_from_db()
    assert (job.plan, job.queue_weight, job.jobs_at_once) == ("premium", 4, 12)


# Relaxed ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("plan", ["standard", "premium"])
def test_on_larger_plans_a_job_without_minutes_goes_on_for_nothing(alice, plan):
    run_out(alice)
    put_on(plan, alice)

    job = ask(alice)

    assert (job.status, job.is_relaxed) == (Status.QUEUED, True)
    assert not Hold.objects.filter(status=Hold.Status.OPEN).exists()
    assert_books_balance()


def test_a_relaxed_job_costs_nothing_and_its_receipt_says_why(alice):
    run_out(alice)
    put_on("standard", alice)
    ask(alice)
    job = jobs.claim(worker="machine:1")

    jobs.finish(job, [PICTURE], CHARGES)

    job.refresh_from_db()
    assert (job.status, job.charged_ms, job.device_ms) == (Status.SUCCEEDED, 0, 2_134)
    assert job.parsed_receipt.charged_ms == 0
    assert {line.why for line in job.parsed_receipt.steps} == {"relaxed"}
    assert balance(alice) == 0
    assert_books_balance()


@pytest.mark.parametrize("end", ["fail", "stop", "cancel", "hand_back"])
def test_a_relaxed_job_may_end_in_any_way(alice, end):
    run_out(alice)
    put_on("standard", alice)
    ask(alice)
    job = jobs.claim(worker="machine:1")

    if end == "fail":
        jobs.fail(job, code="nan", message="No picture.", charges=CHARGES)
    elif end == "stop":
        jobs.stop(job, CHARGES)
    else:
        jobs.hand_back(job)
    if end == "cancel":
        jobs.cancel(job)

    job.refresh_from_db()
    assert (
        job.status
        == {
            "fail": Status.FAILED,
            "stop": Status.CANCELED,
            "cancel": Status.CANCELED,
            "hand_back": Status.QUEUED,
        }[end]
    )
    assert not job.charged_ms
    assert_books_balance()


def test_a_parked_job_goes_relaxed_once_the_plan_lets_it(alice):
    run_out(alice)
    job = ask(alice)
    put_on("standard", alice)

    parking.start(alice)

    job.refresh_from_db()
    assert (job.status, job.is_relaxed) == (Status.QUEUED, True)


def test_with_minutes_nothing_is_relaxed(alice):
    put_on("standard", alice)

    assert not ask(alice).is_relaxed
