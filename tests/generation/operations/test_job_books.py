"""The comparison of jobs with the ledger names each planted difference."""

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from accounts import deletion, keys
from accounts.models import Pays, User
from billing import ledger
from billing.models import Hold, Unit
from billing.reconciliation import reconcile
from generation import jobs
from generation.models import Job, Status
from generation.models.api import KeyDay
from generation.personal_data import erasure
from tests.generation import rows
from tests.generation.books import assert_books_balance
from tests.generation.carrying import claim, finish, submit, submit_and_claim

pytestmark = pytest.mark.django_db


def plant(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


@pytest.fixture
def finished(alice: User) -> Job:
    """A job that has ended, with its charge."""
    job = submit_and_claim(alice)
    finish(job)
    return Job.objects.get()


@pytest.fixture
def queued(alice: User) -> Job:
    return submit(alice)


def test_a_job_is_clean_from_its_submission_to_its_end(alice: User) -> None:
    job = submit_and_claim(alice)
    assert reconcile() == []

    finish(job)

    assert reconcile() == []


def test_the_command_names_a_raised_charge(
    finished: Job, capsys: pytest.CaptureFixture[str]
) -> None:
    plant("UPDATE generation_job SET charged_ms = charged_ms + 1")

    with pytest.raises(CommandError, match="1 differences"):
        call_command("reconcile")

    captured = finished.charged_ms
    assert captured is not None
    assert capsys.readouterr().err == (
        f"job {finished.pk} (succeeded): {captured + 1} gpu_ms was charged, "
        f"{captured} was captured of its hold\n"
    )


@pytest.mark.parametrize(
    ("planted", "named"),
    [
        ("UPDATE generation_job SET charged_ms = 0", "0 gpu_ms was charged"),
        ("UPDATE generation_job SET charged_ms = NULL", "None gpu_ms was charged"),
        ("UPDATE generation_job SET charged_credits = 1", "1 was charged otherwise"),
        ("UPDATE generation_job SET unit = 'credits'", "its hold is gpu_ms of user"),
        ("UPDATE billing_hold SET reference = 'job:other'", "0 was captured of its hold"),
        (
            "UPDATE generation_job SET status = 'queued', finished_at = NULL",
            "was charged before its end",
        ),
    ],
)
def test_a_charge_that_the_ledger_does_not_have_is_named(
    finished: Job, planted: str, named: str
) -> None:
    plant(planted)

    assert any(named in difference for difference in reconcile())


def test_a_charge_to_another_is_named(finished: Job, bob: User) -> None:
    Job.objects.update(user=bob)

    assert any(f"is gpu_ms of user {finished.user_id}" in each for each in reconcile())


def test_an_open_hold_for_no_job_is_named(alice: User) -> None:
    ledger.hold(alice, unit=Unit.GPU_MS, amount=5, reference="job:none")

    [named] = reconcile()

    assert named.endswith("(job:none): 5 is open, and there is no such job")


@pytest.mark.parametrize(
    ("status", "because"),
    [
        (Status.PARKED, "its job is parked"),
        (Status.SUCCEEDED, "its job is succeeded"),
        (Status.FAILED, "its job is failed"),
        (Status.CANCELED, "its job is canceled"),
    ],
)
def test_an_open_hold_for_a_job_that_does_not_need_it_is_named(
    queued: Job, status: Status, because: str
) -> None:
    Job.objects.update(status=status, charged_ms=None if status == Status.PARKED else 0)

    [named] = reconcile()

    assert named.endswith(f"{queued.hold_ms} is open, and {because}")


@pytest.mark.parametrize("amount", ["amount - 1", "amount + 1"])
def test_a_job_without_its_whole_hold_is_named(queued: Job, amount: str) -> None:
    plant(f"UPDATE billing_hold SET amount = {amount}")

    assert f"job {queued.pk} (queued): it has no open hold of {queued.hold_ms}" in reconcile()


def test_a_waiting_job_whose_hold_was_released_is_named(queued: Job) -> None:
    ledger.release(queued.hold_reference)

    assert reconcile() == [f"job {queued.pk} (queued): it has no open hold of {queued.hold_ms}"]


def test_a_free_job_needs_no_hold(queued: Job) -> None:
    ledger.release(queued.hold_reference)
    Job.objects.update(is_relaxed=True)
    Hold.objects.update(reference="job:other")

    assert_books_balance()


@pytest.mark.parametrize(
    "planted",
    ["UPDATE generation_keyday SET spent = spent + 1", "DELETE FROM generation_keyday"],
)
def test_a_budget_that_its_jobs_do_not_sum_to_is_named(alice: User, planted: str) -> None:
    key, _secret = keys.make(alice, name="Shop", pays_in=Pays.GPU_MS)
    job = jobs.submit(alice, rows.make_request(), api_key=key)
    assert reconcile() == []

    plant(planted)

    [named] = reconcile()
    assert named.startswith(f"API key {job.api_key_id} on ")
    assert named.endswith(f"its jobs sum to {job.price}")


def test_a_budget_is_not_compared_while_its_account_is_erased(alice: User) -> None:
    key, _secret = keys.make(alice, name="Shop", pays_in=Pays.GPU_MS)
    jobs.submit(alice, rows.make_request(num_inference_steps=100), api_key=key)
    finish(claim())
    deletion.request(alice)

    erasure.erase(alice)

    assert KeyDay.objects.exists()
    assert reconcile() == []
