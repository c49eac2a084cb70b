import csv
import re
from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from asgiref.sync import async_to_sync
from django.test import AsyncClient
from django.urls import reverse
from django.utils import timezone

from accounts import keys
from generation.models import Status
from generation.usage.filters import Period
from tests.generation.api.callers import buy_credits
from tests.generation.rows import charge, charge_by_key, make_request

pytestmark = pytest.mark.django_db

URL = reverse("usage")
EXPORT = reverse("usage_export")
NOW = timezone.now()
DAY = datetime(2026, 3, 10, 12, tzinfo=UTC)


def total(page, unit="gpu_ms"):
    return int(re.search(rf'data-total="(\d+)" data-unit="{unit}"', page)[1])


def bars(page):
    return [int(amount) for amount in re.findall(r'data-amount="(\d+)"', page)]


def lines(page):
    return [int(amount) for amount in re.findall(r'data-charged="(\d+)"', page)]


def download(user, **query):
    """The response over ASGI, as in production."""

    async def get():
        client = AsyncClient()
        await client.aforce_login(user)
        response = await client.get(EXPORT, query)
        if not response.streaming:
            return response, ""
        return response, b"".join([piece async for piece in response]).decode()

    return async_to_sync(get)()


def test_bars_lines_and_total_are_the_same_milliseconds(client, alice):
    for hours in range(5):
        charge(alice, ms=100 + hours, at=NOW - timedelta(hours=20 * hours))
    client.force_login(alice)

    page = client.get(URL).text

    assert total(page) == sum(bars(page)) == sum(lines(page)) == 510
    assert len(bars(page)) == 30


def test_a_line_leads_to_its_receipt(client, alice):
    job = charge(alice, ms=1, at=NOW, request=make_request(prompt="<b>a red house</b>"))
    client.force_login(alice)

    page = client.get(URL).text

    assert f'href="{job.get_absolute_url()}#receipt"' in page
    assert "&lt;b&gt;a red house&lt;/b&gt;" in page
    assert "<b>" not in page


def test_the_chart_says_in_words_what_it_shows(client, alice):
    charge(alice, ms=61_000, at=DAY)
    client.force_login(alice)

    page = client.get(URL, {"first": "2026-03-09", "last": "2026-03-11"}).text

    description = re.search(r'<desc id="about-gpu_ms">(.*?)</desc>', page)[1]
    assert "1 min 1 s from March 9, 2026 to March 11, 2026" in description
    assert 'aria-labelledby="chart-gpu_ms about-gpu_ms"' in page
    assert '<th scope="row">March 9, 2026</th>' in page


@pytest.mark.parametrize(("days", "seen"), [(7, [1]), (30, [1, 2]), (90, [1, 2, 3])])
def test_the_number_of_days_can_be_chosen(client, alice, days, seen):
    for ms, age in ((1, 0), (2, 20), (3, 80)):
        charge(alice, ms=ms, at=NOW - timedelta(days=age))
    client.force_login(alice)

    page = client.get(URL, {"days": days}).text

    assert lines(page) == seen
    assert len(bars(page)) == days


def test_days_can_be_named(client, alice):
    for ms in (1, 2, 3):
        charge(alice, ms=ms, at=DAY + timedelta(days=ms))
    client.force_login(alice)

    page = client.get(URL, {"first": "2026-03-12", "last": "2026-03-12"}).text

    assert lines(page) == [2]
    assert 'value="2026-03-12"' in page


@pytest.mark.parametrize(
    ("asked", "complaint"),
    [
        ({"first": "2026-03-12", "last": "2026-03-11"}, "before the first day"),
        ({"first": "2025-01-01", "last": "2026-03-11"}, "a year at most"),
        ({"first": "yesterday"}, "valid date"),
        ({"last": "0001-01-02"}, "greater than"),
        ({"first": "9999-12-31", "last": "9999-12-31"}, "less than"),
        ({"days": "8"}, ""),
        ({"checkpoint": "x" * 101}, "at most 100"),
        ({"key": "7"}, "not one of the available choices"),
    ],
)
def test_what_makes_no_sense_is_said_beside_its_field(client, alice, asked, complaint):
    client.force_login(alice)

    response = client.get(URL, asked)

    assert response.status_code == 200
    assert complaint in response.text
    assert len(bars(response.text)) == 30
    assert download(alice, **asked)[0].status_code == 404


def test_a_filter_that_cannot_be_stored_is_refused(client, alice):
    client.force_login(alice)

    assert client.get(URL, {"checkpoint": "\0"}).status_code == 400


def test_one_checkpoint_can_be_chosen(client, alice):
    charge(alice, ms=1, at=NOW)
    charge(alice, ms=2, at=NOW, request=make_request(checkpoint="sd-1.5", width=256, height=256))
    client.force_login(alice)

    page = client.get(URL, {"checkpoint": "sd-1.5"}).text

    assert lines(page) == [2]
    assert '<option value="sketchbook">Sketchbook</option>' in page
    assert '<option value="sd-1.5" selected>Stable Diffusion 1.5</option>' in page
    assert "checkpoint=sd-1.5" in re.search(r'href="([^"]+usage\.csv[^"]*)"', page)[1]


def test_one_key_can_be_chosen_and_shows_what_it_pays_in(client, buyer):
    key = keys.make(buyer, name="Shop")[0]
    charge_by_key(key, amount=2_500, at=NOW)
    charge_by_key(keys.make(buyer, name="Other")[0], amount=1_000, at=NOW)
    client.force_login(buyer)

    page = client.get(URL, {"key": key.pk}).text

    assert lines(page) == [2_500]
    assert total(page, "credits") == sum(bars(page)) == 2_500
    assert "2.5 credits" in page
    assert f'<option value="{key.pk}" selected>Shop ({key.prefix})</option>' in page
    assert f"key={key.pk}" in re.search(r'href="([^"]+usage\.csv[^"]*)"', page)[1]
    _, text = download(buyer, key=str(key.pk))
    assert [line["charged_credits"] for line in csv.DictReader(StringIO(text))] == ["2.500"]


def test_minutes_and_credits_are_shown_beside_each_other(client, alice):
    buy_credits(alice)
    charge(alice, ms=7, at=NOW)
    charge_by_key(keys.make(alice, name="Shop")[0], amount=2_500, at=NOW)
    client.force_login(alice)

    page = client.get(URL).text

    assert (total(page), total(page, "credits")) == (7, 2_500)
    assert sorted(lines(page)) == [7, 2_500]
    assert lines(client.get(URL, {"key": "website"}).text) == [7]


def test_a_revoked_key_can_still_be_chosen(client, buyer):
    key = keys.make(buyer, name="Shop")[0]
    charge_by_key(key, amount=2_500, at=NOW)
    keys.revoke(key)
    client.force_login(buyer)

    assert lines(client.get(URL, {"key": key.pk}).text) == [2_500]


def test_who_has_no_key_is_not_asked_for_one(client, alice):
    client.force_login(alice)

    assert 'name="key"' not in client.get(URL).text


def test_the_key_of_somebody_else_is_none_of_the_choices(client, alice, buyer):
    key = keys.make(buyer, name="Shop")[0]
    client.force_login(alice)

    page = client.get(URL, {"key": key.pk}).text

    assert "Shop" not in page
    assert download(alice, key=str(key.pk))[0].status_code == 404


def test_what_is_not_in_the_catalogue_any_more_still_counts(client, alice):
    job = charge(alice, ms=5, at=NOW)
    job.checkpoint = job.request["checkpoint"] = "withdrawn"
    job.save()
    client.force_login(alice)

    assert lines(client.get(URL, {"checkpoint": "withdrawn"}).text) == [5]


def test_older_lines_are_a_link_away_and_keep_the_choice(client, alice, monkeypatch):
    monkeypatch.setattr("generation.usage.pages.PAGE", 2)
    for ms in (1, 2, 3):
        charge(alice, ms=ms, at=DAY + timedelta(minutes=ms))
    client.force_login(alice)
    page = client.get(URL, {"first": "2026-03-10", "last": "2026-03-10"}).text
    link = re.search(r'href="(\?[^"]+before=[^"#]+)', page)[1].replace("&amp;", "&")

    older = client.get(URL + link).text

    assert (lines(page), lines(older)) == ([3, 2], [1])
    assert total(older) == 6


def test_a_cursor_that_was_made_up_is_not_found(client, alice):
    client.force_login(alice)

    assert client.get(URL, {"before": "yesterday"}).status_code == 404


def test_the_address_that_the_ledger_once_had_leads_to_it(client, alice):
    client.force_login(alice)

    response = client.get(URL, {"before": "17"})

    assert response.status_code == 301
    assert response.url == f"{reverse('billing:usage')}?before=17"


@pytest.mark.parametrize("url", [URL, EXPORT])
def test_visitors_are_sent_to_sign_in(client, url):
    assert client.get(url).url == f"{reverse('account_login')}?next={url}"


def test_usage_of_others_is_not_shown(client, alice, bob):
    charge(alice, ms=1, at=NOW)
    client.force_login(bob)

    assert lines(client.get(URL).text) == []
    assert download(bob)[1].count("\n") == 1


@pytest.mark.parametrize("url", [URL, EXPORT])
def test_usage_is_only_read(client, alice, url):
    client.force_login(alice)

    assert client.post(url).status_code == 405


def test_who_made_nothing_yet_is_shown_the_way(client, alice):
    client.force_login(alice)

    page = client.get(URL).text

    assert "No picture was made in these days." in page
    assert total(page) == 0


def test_who_has_no_minutes_sees_what_they_went_to(client, charlie):
    charge(charlie, ms=1_000, at=NOW, status=Status.CANCELED)
    client.force_login(charlie)

    assert total(client.get(URL).text) == 1_000


def test_the_file_has_the_lines_of_the_page(alice):
    charge(alice, ms=1, at=DAY)
    charge(alice, ms=2, at=DAY, request=make_request(checkpoint="sd-1.5", width=256, height=256))

    response, text = download(alice, first="2026-03-10", last="2026-03-10", checkpoint="sd-1.5")

    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert response["Content-Disposition"] == (
        'attachment; filename="usage-2026-03-10-2026-03-10.csv"'
    )
    assert [line["charged_ms"] for line in csv.DictReader(StringIO(text))] == ["2"]


def test_the_file_is_of_the_last_month_if_nothing_is_said(alice):
    charge(alice, ms=1, at=NOW)

    response, text = download(alice)

    month = Period.until_today(days=30)
    assert f"usage-{month.first}-{month.last}.csv" in response["Content-Disposition"]
    assert len(text.splitlines()) == 2


def test_many_lines_take_as_many_queries_as_one(
    client, alice, django_assert_num_queries, django_assert_max_num_queries
):
    client.force_login(alice)
    charge(alice, ms=1, at=NOW)
    with django_assert_max_num_queries(12) as few:
        client.get(URL)
    for _ in range(29):
        charge(alice, ms=1, at=NOW)

    with django_assert_num_queries(len(few.captured_queries)):
        client.get(URL)
