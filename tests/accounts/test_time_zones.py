"""Times in a person's own time zone, which is named; files and the API stay in UTC."""

from datetime import UTC, datetime
from functools import partial

import pytest
from django.db import connection
from django.template.loader import render_to_string
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts import deletion, emails, outbox, time_zones
from accounts.models import Mail, User
from billing.models import Grant, Payment, Subscription
from generation.models import Job
from generation.usage import csv_export
from generation.usage.filters import Period
from tests.generation.rows import make_job

pytestmark = pytest.mark.django_db

SETTINGS = "/account/settings/"
NOON = datetime(2026, 5, 8, 12, tzinfo=UTC)


@pytest.fixture
def alices(client, alice):
    client.force_login(alice)
    return client


def in_browser(client, name):
    client.cookies[time_zones.COOKIE] = name
    return client


def footer(client):
    return client.get(SETTINGS).content.decode().partition("<footer")[2]


def test_without_a_time_zone_it_is_utc_by_name(alices):
    assert "Times are in UTC." in footer(alices)


@pytest.mark.parametrize("name", ["Asia/Calcutta", "Asia/Saigon", "Europe/Kiev"])
def test_a_browsers_older_name_of_a_place_is_known(name):
    assert name in time_zones.known()


def test_the_browsers_time_zone_counts_and_is_kept_for_emails(alices, alice):
    page = footer(in_browser(alices, "Europe/Berlin"))

    alice.refresh_from_db()
    assert "Times are in Europe/Berlin." in page
    assert alice.browser_time_zone == "Europe/Berlin"


def test_a_choice_goes_before_the_browser(alices, alice):
    in_browser(alices, "Europe/Berlin")

    alices.post(SETTINGS, {"theme": "dark", "time_zone": "Asia/Shanghai"})

    assert "Times are in Asia/Shanghai." in footer(alices)


def test_a_choice_can_be_taken_back(alices, alice):
    User.objects.update(time_zone="Asia/Shanghai", browser_time_zone="Europe/Berlin")

    alices.post(SETTINGS, {"theme": "dark", "time_zone": ""})

    assert "Times are in Europe/Berlin." in footer(alices)


@pytest.mark.parametrize("name", ["Mars/Olympus", "../../etc/passwd", "x" * 5_000, ""])
def test_what_is_no_time_zone_changes_nothing(alices, alice, name):
    page = footer(in_browser(alices, name))

    alice.refresh_from_db()
    assert "Times are in UTC." in page
    assert alice.browser_time_zone == ""


def test_a_time_zone_that_is_not_offered_is_refused(alices, alice):
    response = alices.post(SETTINGS, {"theme": "dark", "time_zone": "Mars/Olympus"})

    assert response.context["form"].errors["time_zone"]


def test_the_same_browser_writes_nothing_again(alices):
    footer(in_browser(alices, "Europe/Berlin"))

    with CaptureQueriesContext(connection) as queries:
        footer(alices)

    assert not [each["sql"] for each in queries if each["sql"].startswith("UPDATE")]


def test_one_persons_time_zone_does_not_stay_for_the_next(client, alices, alice):
    User.objects.filter(pk=alice.pk).update(time_zone="Asia/Shanghai")
    footer(alices)

    assert timezone.get_current_timezone_name() == "UTC"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("UTC", "May 8, 2026, noon UTC"),
        ("Europe/Berlin", "May 8, 2026, 2 p.m. UTC+2"),
        ("Asia/Shanghai", "May 8, 2026, 8 p.m. UTC+8"),
        ("Asia/Kolkata", "May 8, 2026, 5:30 p.m. UTC+5:30"),
        ("America/St_Johns", "May 8, 2026, 9:30 a.m. UTC-2:30"),
        ("Pacific/Kiritimati", "May 9, 2026, 2 a.m. UTC+14"),
    ],
)
def test_a_moment_is_named_with_its_offset(name, text):
    with timezone.override(name):
        assert time_zones.named(NOON) == text


def test_an_email_is_in_the_time_zone_of_its_reader(alice, bob):
    alice.time_zone = "Asia/Shanghai"
    email = partial(emails.export_ready, size=1, expires_at=NOON)

    with timezone.override("Europe/Berlin"):
        outbox.send(email, to=alice.email, user=alice)
        outbox.send(email, to=bob.email, user=bob)
        outbox.send(email, to="nobody@example.com")

    texts = {mail.to: mail.text for mail in Mail.objects.all()}
    assert "May 8, 2026, 8 p.m. UTC+8" in texts[alice.email]
    assert "May 8, 2026, noon UTC" in texts[bob.email]
    assert "May 8, 2026, noon UTC" in texts["nobody@example.com"]


def test_the_end_of_a_plan_is_named_in_the_readers_time_zone(alice):
    subscription = Subscription(
        plan="basic", currency="usd", cancel_at_period_end=True, current_period_end=NOON
    )

    with timezone.override("Asia/Shanghai"):
        page = render_to_string("billing/_subscription.html", {"subscription": subscription})

    assert "May 8, 2026, 8 p.m. UTC+8" in page


def test_the_dates_of_payments_and_minutes_are_named_too(alice):
    grant = Grant(source=Grant.Source.PLAN, amount=1, remaining=1, expires_at=NOON)
    payment = Payment(product="basic", currency="usd", cents=1000, created_at=NOON)

    with timezone.override("Asia/Shanghai"):
        pages = [
            render_to_string("billing/_grants.html", {"grants": [grant], "available_ms": 1}),
            render_to_string("billing/_payments.html", {"payments": [payment]}),
        ]

    assert ["May 8, 2026, 8 p.m. UTC+8" in page for page in pages] == [True, True]


def test_files_and_receipts_stay_in_utc(alices, alice):
    User.objects.filter(pk=alice.pk).update(time_zone="Asia/Shanghai")
    job = make_job(alice)
    Job.objects.filter(pk=job.pk).update(finished_at=NOON)
    may = Period(NOON.date(), NOON.date())

    with timezone.override("Asia/Shanghai"):
        rows = "".join(csv_export.pieces(alice, may))
    receipt = alices.get(reverse("job_receipt", args=[job.pk])).json()

    assert "2026-05-08T12:00:00.000+00:00" in rows
    assert receipt["finished_at"] in {"2026-05-08T12:00:00Z", "2026-05-08T12:00:00+00:00"}


def test_nothing_is_left_of_it_after_the_account_is_erased(alice):
    User.objects.filter(pk=alice.pk).update(
        time_zone="Asia/Shanghai", browser_time_zone="Asia/Shanghai", closed_at=NOON
    )

    deletion._forget_person(User.objects.get(pk=alice.pk))

    alice.refresh_from_db()
    assert (alice.time_zone, alice.browser_time_zone) == ("", "")


@pytest.mark.parametrize("name", ["account_login", "account_signup"])
def test_the_browser_tells_its_time_zone_before_the_first_page(client, name):
    assert "js/components/time_zone" in client.get(reverse(name)).text


def test_visitors_get_no_cookie_for_it(client):
    assert "js/components/time_zone" not in client.get("/").text
