"""Device time beside revenue: the operator's margin."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from billing import payments
from billing.models import Payment, Unit
from billing.providers import sandbox
from generation import jobs
from generation.models import Job, Uptime
from generation.operations import margins
from generation.queue import uptime
from tests.billing import provider
from tests.generation.carrying import CHARGED_MS, CHARGES, PICTURE, submit
from tests.generation.rows import make_request

pytestmark = pytest.mark.django_db

DEVICE_MS = 2_134


def make_one(user, **options):
    """One picture, from its submission to its receipt."""
    job = jobs.submit(user, make_request(num_inference_steps=100), **options)
    claimed = jobs.claim(worker="machine:1")
    assert claimed == job
    jobs.finish(claimed, [PICTURE], CHARGES)
    return job


def row(rows, name):
    return next(each for each in rows if each.name == name)


def test_time_is_sold_or_free_by_checkpoint(alice):
    make_one(alice)
    jobs.fail(claim_one(alice), code="nan", message="No picture.", charges=CHARGES)

    work = row(margins.look(days=7).checkpoints, "sketchbook")

    assert (work.jobs, work.sold_ms, work.device_ms) == (2, CHARGED_MS, 2 * DEVICE_MS)
    assert work.free_ms == 2 * DEVICE_MS - CHARGED_MS


def claim_one(user):
    submit(user)
    return jobs.claim(worker="machine:1")


def test_plans_stand_beside_what_they_brought_in(alice, bob):
    provider.buy(bob, "credits-2900")
    provider.buy(bob, "minutes-100")
    make_one(alice)
    make_one(bob, unit=Unit.CREDITS)

    margin = margins.look(days=7)

    basic, credits = row(margin.plans, "Basic"), row(margin.plans, "API credits")
    assert (basic.sold_ms, basic.credits_ms, basic.revenue) == (CHARGED_MS, 0, 2 * 10_00)
    assert (credits.sold_ms, credits.credits_ms, credits.revenue) == (0, DEVICE_MS, 29_00)
    assert row(margin.plans, "top-ups").revenue == 7_00
    assert margin.revenue == 2 * 10_00 + 29_00 + 7_00


def test_what_went_back_is_no_revenue(alice):
    payment = Payment.objects.get(user=alice)
    sandbox.refund(payment.payment_intent_id, cents=4_00)
    payments.synchronize(payment.payment_intent_id)

    assert margins.look(days=7).revenue == 6_00


def test_other_currencies_are_kept_apart(alice):
    Payment.objects.update(currency="eur")

    margin = margins.look(days=7)

    assert (margin.revenue, margin.other_revenue) == (0, {"eur": 10_00})


def test_what_is_neither_sold_nor_free_is_idle(alice, settings):
    settings.DEVICE_HOUR_CENTS = 2_00
    make_one(alice)
    for _ in range(4):
        uptime.note("GPU", ms=margins.HOUR_MS // 4)
    uptime.note("another", ms=margins.HOUR_MS)

    margin = margins.look(days=7)

    assert margin.up_ms == 2 * margins.HOUR_MS
    assert margin.idle_ms == 2 * margins.HOUR_MS - DEVICE_MS
    assert (margin.cost, margin.margin) == (4_00, 10_00 - 4_00)
    assert Uptime.objects.count() == 2


def test_only_the_days_that_are_asked_about_count(alice):
    make_one(alice)
    past = timezone.now() - timedelta(days=10)
    Job.objects.update(finished_at=past)
    Payment.objects.update(paid_at=past)

    assert margins.look(days=7).busy_ms == margins.look(days=7).revenue == 0
    assert margins.look(days=30).busy_ms == DEVICE_MS
    assert margins.look(days=30).revenue == 10_00


def test_the_page_is_the_operators(client, alice, admin_user):
    make_one(alice)
    url = reverse("admin:generation_uptime_changelist")
    client.force_login(alice)
    assert client.get(url).status_code == 302
    client.force_login(admin_user)

    page = client.get(url, {"days": "90"}).text

    assert "Basic" in page
    assert "$10.00" in page
    assert client.get(url, {"days": "x"}).status_code == 200


def test_an_empty_site_has_a_page_too(client, admin_user):
    client.force_login(admin_user)

    page = client.get(reverse("admin:generation_uptime_changelist")).text

    assert "Nothing yet." in page
