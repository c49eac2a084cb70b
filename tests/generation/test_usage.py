import random
from collections import Counter
from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import connection
from django.utils import timezone

from billing.models import Entry
from generation import cursors, jobs, usage, usage_csv
from generation.engine.events import Charge
from generation.models import FINAL, Job, Status
from generation.usage import Period
from tests.billing.books import assert_books_balance, fund
from tests.generation.rows import charge, make_job, make_request

pytestmark = pytest.mark.django_db

DAY = date(2026, 3, 10)
NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
MIDNIGHT = datetime(2026, 3, 11, tzinfo=UTC)
WEEK = Period.ending(date(2026, 3, 12), days=7)


@pytest.fixture
def ticking(monkeypatch):
    """A clock that moves on by seven hours whenever somebody looks at it."""
    at = datetime.now(tz=UTC)

    def now():
        nonlocal at
        at += timedelta(hours=7)
        return at

    monkeypatch.setattr(timezone, "now", now)


def live(user, *, us, outcome):
    """Take a job from submission to its end by the verbs that the site uses."""
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


def exported(user, period, **options):
    """The sum of the file's last but one column."""
    lines = "".join(usage_csv.pieces(user, period, **options)).splitlines()[1:]
    return sum(int(line.split(",")[-2]) for line in lines)


def test_bars_lines_and_file_add_up_to_the_ledger_whatever_the_clock_does(alice, bob, ticking):
    for user in (alice, bob):
        fund(user, 10**9)
    for _ in range(40):
        live(alice, us=random.randrange(3_000_000), outcome=random.choice(FINAL))
        live(bob, us=random.randrange(3_000_000), outcome=random.choice(FINAL))
    ledger = ledger_by_day(alice)
    # Those that failed are in no ledger, and may be the first or the last.
    period = Period(min(ledger) - timedelta(days=100), max(ledger) + timedelta(days=100))

    summary = usage.summary(alice, period)

    assert len(ledger) > 2
    assert Counter({day.day: day.ms for day in summary.days}) == ledger
    assert summary.jobs == 40
    assert sum(job.charged_ms for job in usage.page(alice, period, size=40).jobs) == summary.ms
    assert exported(alice, period) == summary.ms
    assert_books_balance()


def test_each_day_of_the_file_adds_up_too(alice):
    for hours in range(0, 60, 7):
        charge(alice, ms=100 + hours, at=NOON + timedelta(hours=hours))
    ledger = ledger_by_day(alice)

    for day in WEEK.days:
        assert exported(alice, Period(day, day)) == ledger[day]


def test_a_day_ends_at_midnight(alice):
    charge(alice, ms=1, at=MIDNIGHT - timedelta(microseconds=1))
    charge(alice, ms=2, at=MIDNIGHT)

    summary = usage.summary(alice, WEEK)

    assert [day.ms for day in summary.days] == [0, 0, 0, 0, 1, 2, 0]


def test_every_day_is_there_and_the_totals_are_theirs(alice):
    for ms in (1_000, 3_000):
        charge(alice, ms=ms, at=NOON)

    summary = usage.summary(alice, WEEK)

    assert [day.day for day in summary.days] == WEEK.days
    assert (summary.ms, summary.jobs, summary.most.day) == (4_000, 2, DAY)
    assert (summary.ms_per_day, summary.ms_per_job) == (4_000 // 7, 2_000)


def test_days_without_jobs_have_sums_of_nothing(alice):
    summary = usage.summary(alice, WEEK)

    assert (summary.ms, summary.jobs, summary.ms_per_day, summary.ms_per_job) == (0, 0, 0, 0)
    assert usage.page(alice, WEEK) == usage.Page(jobs=[], older=None)


def test_one_checkpoint_is_summed_alone_and_all_are_named(alice):
    charge(alice, ms=1, at=NOON)
    charge(alice, ms=2, at=NOON, request=make_request(checkpoint="sd-1.5", width=256, height=256))

    summary = usage.summary(alice, WEEK, checkpoint="sd-1.5")

    assert (summary.ms, summary.jobs) == (2, 1)
    assert summary.checkpoints == ("sd-1.5", "sketchbook")
    assert [job.charged_ms for job in usage.page(alice, WEEK, checkpoint="sd-1.5").jobs] == [2]
    assert exported(alice, WEEK, checkpoint="sd-1.5") == 2


def test_usage_of_others_is_not_counted(alice, bob):
    charge(bob, ms=1, at=NOON)

    assert usage.summary(alice, WEEK).jobs == 0
    assert usage.page(alice, WEEK).jobs == []


def test_what_has_not_ended_is_not_usage(alice):
    today = Period.until_today(days=1)
    make_job(alice, status=Status.QUEUED)
    make_job(alice, status=Status.RUNNING)

    assert usage.summary(alice, today).jobs == 0


def test_pages_follow_each_other_without_gap_or_repetition(alice):
    # Several of one moment: the id decides.
    made = [charge(alice, ms=1, at=NOON + timedelta(seconds=n // 3)) for n in range(10)]
    expected = sorted(made, key=lambda job: (job.finished_at, job.pk), reverse=True)

    seen, before = [], ""
    while before is not None:
        page = usage.page(alice, WEEK, before=before, size=3)
        seen += page.jobs
        before = page.older

    assert seen == expected


@pytest.mark.parametrize("before", ["yesterday", "1-x", "-", "9" * 30 + "-" + "0" * 32])
def test_a_cursor_that_was_made_up_is_refused(alice, before):
    with pytest.raises(cursors.InvalidCursor):
        usage.page(alice, WEEK, before=before)


def test_history_does_not_make_the_days_that_are_shown_slower(alice):
    charge(alice, ms=1, at=NOON)
    before = blocks_read(alice)
    columns = [f'"{field.column}"' for field in Job._meta.concrete_fields]
    own = {
        '"id"': "gen_random_uuid()",
        '"finished_at"': "finished_at - interval '30 days' - n * interval '1 hour'",
    }
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            INSERT INTO generation_job ({", ".join(columns)})
            SELECT {", ".join(own.get(name, name) for name in columns)}
            FROM generation_job, generate_series(1, 20000) AS n
            """
        )
        cursor.execute("ANALYZE generation_job")

    assert blocks_read(alice) <= before + 6


def blocks_read(user):
    """Blocks that PostgreSQL looks at for the sums of a week and its first page."""
    total = 0
    for read in (usage.summary, usage.page):
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
