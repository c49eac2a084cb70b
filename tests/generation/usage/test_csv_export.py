import csv
from datetime import UTC, date, datetime, timedelta
from io import StringIO

import pytest

from accounts import keys
from generation.models import Status
from generation.usage import csv_export
from generation.usage.filters import Period
from tests.generation.api.callers import buy_credits
from tests.generation.rows import charge, charge_by_key, make_request

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
DAY = Period(date(2026, 3, 10), date(2026, 3, 10))


def rows(user):
    """The file's lines as a spreadsheet reads them."""
    text = "".join(csv_export.pieces(user, DAY))
    assert text[0] == csv_export.BYTE_ORDER_MARK
    return list(csv.DictReader(StringIO(text[1:])))


def test_a_line_says_what_was_asked_for_and_what_it_took(alice, settings):
    settings.SITE_URL = "https://pictures.example.com"
    request = make_request(prompt='雪, "snow"\nand more')
    job = charge(alice, ms=1_234, at=NOON, request=request, status=Status.CANCELED)

    assert rows(alice) == [
        {
            "ended_at": "2026-03-10T12:00:00.000+00:00",
            "job": str(job.pk),
            "status": "canceled",
            "prompt": '雪, "snow"\nand more',
            "checkpoint": "sketchbook",
            "width": "64",
            "height": "64",
            "steps": "2",
            "pictures": "1",
            "api_key": "",
            "charged_ms": "1234",
            "charged_credits": "0.000",
            "receipt": f"https://pictures.example.com/jobs/{job.pk}/",
        }
    ]


def test_what_was_asked_for_by_api_names_its_key(alice):
    buy_credits(alice)
    key = keys.make(alice, name="=Shop")[0]
    charge_by_key(key, amount=2_500, at=NOON)

    (row,) = rows(alice)

    assert row["api_key"] == f"'=Shop ({key.prefix})"
    assert (row["charged_ms"], row["charged_credits"]) == ("0", "2.500")


@pytest.mark.parametrize("begin", ["=", "+", "-", "@", "＝", "\t", "\r"])
def test_a_prompt_is_never_a_formula(alice, begin):
    charge(alice, ms=1, at=NOON, request=make_request(prompt=f"{begin}HYPERLINK(A1)"))

    assert rows(alice)[0]["prompt"].startswith("'")


def test_a_file_of_nothing_has_its_header(alice):
    assert rows(alice) == []
    assert "charged_ms" in "".join(csv_export.pieces(alice, DAY))


def test_it_is_read_a_page_at_a_time(alice, monkeypatch, django_assert_num_queries):
    monkeypatch.setattr(csv_export, "PAGE", 2)
    made = [charge(alice, ms=1, at=NOON - timedelta(minutes=n)) for n in range(5)]
    pieces = csv_export.pieces(alice, DAY)

    with django_assert_num_queries(1):
        first = next(pieces) + next(pieces)
    with django_assert_num_queries(2):
        rest = list(pieces)

    lines = (first + "".join(rest)).splitlines()[1:]
    assert [line.split(",")[1] for line in lines] == [str(job.pk) for job in made]
