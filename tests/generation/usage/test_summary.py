import csv
import random
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from io import StringIO

import pytest
from django.db import connection
from django.utils import timezone

from accounts import keys
from accounts.models import Pays
from billing.models import Entry
from generation import cursors, jobs
from generation.engine.charges import Charge
from generation.models import FINAL, Job, Status
from generation.usage import csv_export, pages
from generation.usage.filters import ALL, WEBSITE, JobFilter, Period
from generation.usage.summary import summary
from tests.billing.books import fund
from tests.factories import make_user
from tests.generation.api.callers import buy_credits
from tests.generation.books import assert_books_balance
from tests.generation.rows import charge, charge_by_key, make_job, make_request

pytestmark = pytest.mark.django_db

DAY = date(2026, 3, 10)
NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
MIDNIGHT = datetime(2026, 3, 11, tzinfo=UTC)
WEEK = Period.ending(date(2026, 3, 12), days=7)


@pytest.fixture
def ticking(monkeypatch):
    """A clock that advances by seven hours at each reading."""
    at = datetime.now(tz=UTC)

    def now():
        nonlocal at
        at += timedelta(hours=7)
        return at

    monkeypatch.setattr(timezone, "now", now)


def live(user, *, us, outcome):
    """Take a job from submission to its end by the site's own functions."""
    jobs.submit(user, make_request(num_inference_steps=random.randint(1, 150)))
    job = jobs.claim(worker="test")
    charges = [Charge(phase="step", us=us // 3, index=1), Charge(phase="decode", us=us - us // 3)]
    if outcome is Status.SUCCEEDED:
        jobs.finish(job, [], charges, queue=5)
    elif outcome is Status.CANCELED:
        jobs.stop(job, charges)
    else:
        jobs.fail(job, code="nan", message="", charges=charges)


def ledger_by_day(user):
    by_day = Counter()
    for entry in Entry.objects.filter(wallet__user=user, kind=Entry.Kind.CAPTURE):
        by_day[entry.created_at.astimezone(UTC).date()] -= entry.amount
    return by_day


def exported(user, period, filters=ALL):
    """Sums of the file's milliseconds and credits."""
    text = "".join(csv_export.pieces(user, period, filters)).removeprefix(
        csv_export.BYTE_ORDER_MARK
    )
    lines = list(csv.DictReader(StringIO(text)))
    return (
        sum(int(line["charged_ms"]) for line in lines),
        sum(Decimal(line["charged_credits"]) for line in lines),
    )


def test_bars_lines_and_file_add_up_to_the_ledger_whatever_the_clock_does(alice, bob, ticking):
    for user in (alice, bob):
        fund(user, 10**9)
    for _ in range(40):
        live(alice, us=random.randrange(3_000_000), outcome=random.choice(FINAL))
        live(bob, us=random.randrange(3_000_000), outcome=random.choice(FINAL))
    ledger = ledger_by_day(alice)
    # Failed jobs have no ledger entry, and may be first or last.
    period = Period(min(ledger) - timedelta(days=100), max(ledger) + timedelta(days=100))

    sums = summary(alice, period)

    assert len(ledger) > 2
    assert Counter({day.day: day.amount for day in sums.time.days}) == ledger
    assert sums.time.jobs == 40
    assert (
        sum(job.charged_ms for job in pages.page(alice, period, size=40).jobs) == sums.time.amount
    )
    assert exported(alice, period) == (sums.time.amount, 0)
    assert_books_balance()


def test_each_day_of_the_file_adds_up_too(alice):
    for hours in range(0, 60, 7):
        charge(alice, ms=100 + hours, at=NOON + timedelta(hours=hours))
    ledger = ledger_by_day(alice)

    for day in WEEK.days:
        assert exported(alice, Period(day, day)) == (ledger[day], 0)


def test_a_day_ends_at_midnight(alice):
    charge(alice, ms=1, at=MIDNIGHT - timedelta(microseconds=1))
    charge(alice, ms=2, at=MIDNIGHT)

    sums = summary(alice, WEEK)

    assert [day.amount for day in sums.time.days] == [0, 0, 0, 0, 1, 2, 0]


def test_every_day_is_there_and_the_totals_are_theirs(alice):
    for ms in (1_000, 3_000):
        charge(alice, ms=ms, at=NOON)

    sums = summary(alice, WEEK)

    assert [day.day for day in sums.time.days] == WEEK.days
    time = sums.time
    assert (time.amount, time.jobs, time.most.day) == (4_000, 2, DAY)
    assert (time.per_day, time.per_job) == (4_000 // 7, 2_000)


def test_days_without_jobs_have_sums_of_nothing(alice):
    sums = summary(alice, WEEK)

    for spent in (sums.time, sums.credits):
        assert (spent.amount, spent.jobs, spent.per_day, spent.per_job) == (0, 0, 0, 0)
    assert sums.shown == (sums.time,)
    assert pages.page(alice, WEEK) == pages.Page(jobs=[], older=None)


def test_one_checkpoint_is_summed_alone_and_all_are_named(alice):
    charge(alice, ms=1, at=NOON)
    charge(alice, ms=2, at=NOON, request=make_request(checkpoint="sd-1.5", width=256, height=256))

    sums = summary(alice, WEEK, JobFilter(checkpoint="sd-1.5"))

    assert (sums.time.amount, sums.time.jobs) == (2, 1)
    assert sums.checkpoints == ("sd-1.5", "sketchbook")
    assert [
        job.charged_ms for job in pages.page(alice, WEEK, JobFilter(checkpoint="sd-1.5")).jobs
    ] == [2]
    assert exported(alice, WEEK, JobFilter(checkpoint="sd-1.5")) == (2, 0)


@pytest.fixture
def two_keys(alice):
    """A key that pays in minutes and one in credits, each with jobs of one day; and a studio job."""
    buy_credits(alice)
    minutes = keys.make(alice, name="Minutes", pays_in=Pays.GPU_MS)[0]
    credits = keys.make(alice, name="Credits", pays_in=Pays.CREDITS)[0]
    charge(alice, ms=1, at=NOON)
    charge_by_key(minutes, amount=20, at=NOON)
    for _ in range(3):
        charge_by_key(credits, amount=2_500, at=NOON)
    return minutes, credits


def test_one_key_is_summed_alone_in_what_it_pays_in(alice, two_keys):
    minutes, credits = (JobFilter(key=str(key.pk)) for key in two_keys)

    for filters, ms, thousandths in (
        (minutes, 20, 0),
        (credits, 0, 7_500),
        (JobFilter(key=WEBSITE), 1, 0),
    ):
        sums = summary(alice, WEEK, filters)

        assert (sums.time.amount, sums.credits.amount) == (ms, thousandths)
        assert exported(alice, WEEK, filters) == (ms, Decimal(thousandths) / 1_000)
        assert sum(job.charged for job in pages.page(alice, WEEK, filters).jobs) == ms + thousandths


def test_both_units_add_up_to_the_ledger(alice, two_keys):
    sums = summary(alice, WEEK)

    for spent in (sums.time, sums.credits):
        captured = Entry.objects.filter(
            wallet__user=alice, wallet__unit=spent.unit, kind=Entry.Kind.CAPTURE
        )
        assert spent.amount == -sum(entry.amount for entry in captured) > 0
    assert sums.shown == (sums.time, sums.credits)
    assert (sums.time.jobs, sums.credits.jobs) == (2, 3)


def test_usage_of_others_is_not_counted(alice, bob):
    charge(bob, ms=1, at=NOON)

    assert summary(alice, WEEK).time.jobs == 0
    assert pages.page(alice, WEEK).jobs == []


def test_what_has_not_ended_is_not_usage(alice):
    today = Period.until_today(days=1)
    make_job(alice, status=Status.QUEUED)
    make_job(alice, status=Status.RUNNING)

    assert summary(alice, today).time.jobs == 0


def test_pages_follow_each_other_without_gap_or_repetition(alice):
    # Equal moments: the id decides.
    made = [charge(alice, ms=1, at=NOON + timedelta(seconds=n // 3)) for n in range(10)]
    expected = sorted(made, key=lambda job: (job.finished_at, job.pk), reverse=True)

    seen, before = [], ""
    while before is not None:
        page = pages.page(alice, WEEK, before=before, size=3)
        seen += page.jobs
        before = page.older

    assert seen == expected


@pytest.mark.parametrize("before", ["yesterday", "1-x", "-", "9" * 30 + "-" + "0" * 32])
def test_a_cursor_that_was_made_up_is_refused(alice, before):
    with pytest.raises(cursors.InvalidCursor):
        pages.page(alice, WEEK, before=before)


def test_history_and_others_do_not_make_the_days_that_are_shown_slower(alice):
    job = charge(alice, ms=1, at=NOON)
    before = blocks_read(alice)
    for number in range(9):
        make_user(f"{number}@example.com")
    names = [field.column for field in Job._meta.concrete_fields]
    values = {name: f"job.{name}" for name in names} | {
        "id": "gen_random_uuid()",
        "user_id": "person.id",
        # Her jobs end before the week on the page; other users' jobs fill it.
        "finished_at": "job.finished_at - n * interval '1 hour'"
        " - CASE WHEN person.id = job.user_id THEN interval '30 days' ELSE '0' END",
    }
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            INSERT INTO generation_job ({", ".join(names)})
            SELECT {", ".join(values.values())}
            FROM generation_job AS job, accounts_user AS person, generate_series(1, 1500) AS n
            WHERE job.id = %s
            """,
            [job.pk],
        )
        cursor.execute("ANALYZE generation_job")

    assert blocks_read(alice) <= before + 6


def blocks_read(user):
    """Blocks that PostgreSQL reads for a week's sums and its first page."""
    total = 0
    for read in (summary, pages.page):
        with connection.execute_wrapper(_explain), pytest.raises(Explained) as explained:
            read(user, WEEK)
        total += explained.value.blocks
    return total


class Explained(Exception):
    def __init__(self, blocks):
        self.blocks = blocks


def _explain(execute, sql, params, many, context):
    with connection.connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {sql}", params)
        plan = cursor.fetchone()[0][0]["Plan"]
    raise Explained(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"])
