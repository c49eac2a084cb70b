"""Budgets of keys: counted at submission, corrected at the end."""

from datetime import UTC, datetime, timedelta

import pytest

from accounts import keys
from accounts.keys import Limits
from accounts.models import Mail, Pays, Window
from billing.models import Unit
from generation import jobs
from generation.engine.charges import Charge
from generation.jobs import admission, budgets
from generation.models import Job
from generation.models.api import KeyDay
from tests.generation.books import assert_books_balance
from tests.generation.carrying import CHARGES, PICTURE
from tests.generation.rows import make_request

pytestmark = pytest.mark.django_db
REQUEST = make_request(width=128, height=128, num_inference_steps=60)
PRICE = admission.credits(REQUEST)


def make(user, pays_in=Pays.CREDITS, **limits):
    return keys.make(user, name="Shop", limits=Limits(**limits), pays_in=pays_in)[0]


def submit(key, request=REQUEST):
    return jobs.submit(key.user, request, unit=Unit(key.pays_in), api_key=key)


def spent_by_jobs(key):
    """The same sum, computed from the jobs."""
    return sum(
        job.price if job.charged_credits is None else job.charged_credits
        for job in Job.objects.filter(api_key=key)
    )


def test_a_job_counts_with_its_price_at_once(buyer):
    key = make(buyer, budget=PRICE)

    submit(key)

    assert budgets.spent(key) == spent_by_jobs(key) == PRICE


def test_beyond_the_budget_nothing_is_written(buyer):
    key = make(buyer, budget=2 * PRICE - 1)
    submit(key)

    with pytest.raises(budgets.OverBudget) as refusal:
        submit(key)

    assert refusal.value.left == PRICE - 1
    assert Job.objects.count() == 1
    assert budgets.spent(key) == PRICE
    assert_books_balance()


def test_what_a_job_has_not_cost_can_be_spent_again(buyer):
    key = make(buyer, budget=PRICE)
    jobs.cancel(submit(key))

    submit(key)

    assert budgets.spent(key) == spent_by_jobs(key) == PRICE


def test_a_failure_counts_nothing(buyer):
    key = make(buyer, budget=PRICE)
    submit(key)

    jobs.fail(jobs.claim(worker="machine:1"), code="nan", message="No.", charges=CHARGES)

    assert budgets.spent(key) == spent_by_jobs(key) == 0


def test_a_picture_that_was_stopped_counts_with_its_part(buyer):
    key = make(buyer, budget=PRICE)
    submit(key)
    steps = [Charge(phase="step", index=number, us=1_000) for number in range(1, 31)]

    jobs.stop(jobs.claim(worker="machine:1"), steps)

    assert budgets.spent(key) == spent_by_jobs(key) == PRICE // 2


def test_minutes_count_as_they_were_measured(alice):
    key = make(alice, pays_in=Pays.GPU_MS, budget=1_000_000)
    job = submit(key)
    assert budgets.spent(key) == job.hold_ms

    jobs.finish(jobs.claim(worker="machine:1"), [PICTURE], CHARGES)

    job.refresh_from_db()
    assert budgets.spent(key) == job.charged_ms < job.hold_ms
    assert_books_balance()


@pytest.mark.parametrize(
    ("window", "before"),
    [
        (Window.DAY, timedelta(days=1)),
        (Window.WEEK, timedelta(days=7)),
        (Window.MONTH, timedelta(days=31)),
    ],
)
def test_a_budget_starts_anew_with_its_window(buyer, window, before):
    key = make(buyer, budget=PRICE, window=window)
    submit(key)
    KeyDay.objects.update(day=datetime.now(UTC).date() - before)

    submit(key)

    assert budgets.spent(key) == PRICE


def test_a_job_counts_on_the_day_on_which_it_was_asked_for(buyer):
    key = make(buyer)
    yesterday = datetime.now(UTC) - timedelta(days=1)
    job = submit(key)
    Job.objects.filter(pk=job.pk).update(queued_at=yesterday)
    KeyDay.objects.update(day=yesterday.date())
    today = submit(key)

    jobs.cancel(job)

    assert {day.day: day.spent for day in KeyDay.objects.all()} == {
        yesterday.date(): 0,
        today.queued_at.date(): PRICE,
    }


def test_a_budget_in_all_never_starts_anew(buyer):
    key = make(buyer, budget=PRICE, window=Window.TOTAL)
    submit(key)
    KeyDay.objects.update(day="2001-01-01")

    with pytest.raises(budgets.OverBudget):
        submit(key)


def test_keys_of_one_owner_have_budgets_of_their_own(buyer):
    first, second = make(buyer, budget=PRICE), make(buyer, budget=PRICE)

    submit(first)
    submit(second)

    assert [key.spent for key in budgets.with_spent([first, second])] == [PRICE, PRICE]


def test_the_owner_is_told_of_each_threshold_once(buyer):
    key = make(buyer, budget=4 * PRICE)
    Mail.objects.all().delete()

    submit(key)
    assert not Mail.objects.exists()
    again = submit(key)
    jobs.cancel(again)
    submit(key)
    assert [mail.subject[:3] for mail in Mail.objects.all()] == ["50%"]
    submit(key)
    submit(key)

    assert [mail.subject[:3] for mail in Mail.objects.order_by("created_at")] == ["50%", "95%"]


def test_a_week_starts_on_monday():
    wednesday = datetime(2026, 11, 25, tzinfo=UTC).date()

    assert Window.WEEK.start(wednesday).isoformat() == "2026-11-23"
    assert Window.MONTH.start(wednesday).isoformat() == "2026-11-01"
