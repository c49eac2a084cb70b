"""Receipt and ledger agree to the millisecond."""

import pytest
from django.urls import reverse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from billing import ledger
from billing.models import Entry, Grant, Hold, Unit
from generation import jobs
from generation.engine.charges import Charge
from generation.jobs import receipt_view
from generation.models import Job, Status, receipts
from tests.generation.books import assert_books_balance
from tests.generation.carrying import CHARGED_MS, CHARGES, PICTURE, submit_and_claim
from tests.generation.rows import make_job

pytestmark = pytest.mark.django_db

PHASES = st.sampled_from(["encode", "step", "decode"])
RUNS = st.lists(st.builds(Charge, phase=PHASES, us=st.integers(0, 900_000)), max_size=30)


def finish(job, charges=CHARGES, **free_ms):
    jobs.finish(job, [PICTURE], charges, **free_ms)
    return Job.objects.get(pk=job.pk)


def paid_for(job):
    """The amount that the ledger charged for the job."""
    return -sum(entry.amount for entry in Entry.objects.filter(hold__reference=job.hold_reference))


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(charges=RUNS, end=st.sampled_from(["finish", "stop", "fail"]))
def test_a_receipt_adds_up_to_the_ledger_to_the_millisecond(alice, charges, end):
    job = submit_and_claim(alice)
    {
        "finish": lambda: finish(job, charges, queue=5),
        "stop": lambda: jobs.stop(job, charges),
        "fail": lambda: jobs.fail(job, code="budget", message="Too long.", charges=charges),
    }[end]()

    job.refresh_from_db()
    statement = receipt_view.build(job).to_dict()

    billed = sum(line["ms"] for line in statement["lines"] if line["billed"])
    assert billed == statement["charged"] == job.charged_ms == paid_for(job)
    assert sum(grant["amount"] for grant in statement["grants"]) == billed
    assert (Hold.objects.get(reference=job.hold_reference).captured or 0) == billed
    assert_books_balance()


def test_a_quotes_ceiling_is_kept_and_the_house_pays_the_rest(alice):
    job = submit_and_claim(alice)

    job = finish(job, [Charge(phase="step", index=1, us=10**9)])

    assert job.charged_ms == paid_for(job) == job.hold_ms
    last = receipt_view.build(job).to_dict()["lines"][-1]
    assert (last["phase"], last["ms"]) == ("over_quote", job.hold_ms - 10**6)


def test_it_names_the_grants_that_paid_in_the_order_in_which_they_were_spent(alice):
    submitted = submit_and_claim(alice)
    plan = Grant.objects.get(source=Grant.Source.PLAN)
    topped_up = ledger.grant(
        alice,
        unit=Unit.GPU_MS,
        amount=100_000,
        source=Grant.Source.TOPUP,
        reference="more",
    )
    # Only 500 ms of the plan's minutes are left.
    Grant.objects.filter(pk=plan.pk).update(remaining=500)

    job = finish(submitted)

    assert receipt_view.build(job).used == ((plan, 500), (topped_up, CHARGED_MS - 500))


def test_every_phase_has_a_line_with_its_time_and_why_it_is_free(alice):
    job = finish(submit_and_claim(alice), queue=5, safety=6, storage=7)

    lines = receipt_view.build(job).to_dict()["lines"]

    assert [line["phase"] for line in lines] == [
        "queue",
        "load",
        "encode",
        "step",
        "step",
        "decode",
        "safety",
        "storage",
    ]
    assert [bool(line["why"]) for line in lines] == [not line["billed"] for line in lines]


def test_the_json_is_the_statement(client, alice):
    job = finish(submit_and_claim(alice))
    client.force_login(alice)

    response = client.get(reverse("job_receipt", args=[job.pk]))

    assert response.json() == receipt_view.build(job).to_dict()
    assert response.json()["rate"] == {"billed_ms": 1}


@pytest.mark.parametrize("status", Status)
def test_the_json_is_there_in_every_status(client, alice, status):
    job = make_job(alice, status=status)
    client.force_login(alice)

    answer = client.get(reverse("job_receipt", args=[job.pk])).json()

    assert answer["status"] == status


def test_receipts_of_others_are_not_found(client, alice, bob):
    job = make_job(alice)
    client.force_login(bob)

    assert client.get(reverse("job_receipt", args=[job.pk])).status_code == 404


def test_visitors_are_sent_to_sign_in(client, alice):
    url = reverse("job_receipt", args=[make_job(alice).pk])

    assert client.get(url).url == f"{reverse('account_login')}?next={url}"


def test_a_receipt_is_only_read(client, alice):
    client.force_login(alice)

    assert client.post(reverse("job_receipt", args=[make_job(alice).pk])).status_code == 405


def test_every_reason_has_words():
    assert set(receipts.REASONS) >= {receipts.FAILED, receipts.RELAXED, receipts.CREDITS}
    assert all(str(reason) for reason in receipts.REASONS.values())
