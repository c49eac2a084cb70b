"""Two hundred concurrent submissions by users with little balance or little room in the queue."""

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import IntegrityError, OperationalError, connection
from django.db.models import QuerySet

from billing import ledger
from billing.ledger import sql
from billing.models import Unit, Wallet
from generation import jobs
from generation.models import Job
from generation.queue import estimates
from tests.billing.books import balance
from tests.generation.books import assert_books_balance
from tests.generation.rows import make_request

pytestmark = pytest.mark.django_db(transaction=True)
REQUESTS = 200
WORTH = 10


def submit_together(user):
    """The outcome of each request, by name."""
    start = threading.Barrier(REQUESTS)

    def submit(number):
        start.wait()
        try:
            while True:
                try:
                    return type(jobs.submit(user, make_request(seed=number))).__name__
                except OperationalError:
                    # The site is too busy and answers 503: retry.
                    continue
                except (ledger.InsufficientBalance, jobs.TooManyJobs, IntegrityError) as refusal:
                    return type(refusal).__name__
        finally:
            connection.close()

    with ThreadPoolExecutor(REQUESTS) as pool:
        return Counter(pool.map(submit, range(REQUESTS)))


@pytest.fixture
def nearly_broke(alice):
    """A user with enough for ten and a half jobs."""
    price = estimates.quote(make_request()).ceiling_ms
    spare = balance(alice) - WORTH * price - price // 2
    ledger.hold(alice, unit=Unit.GPU_MS, amount=spare, reference="spent elsewhere")
    ledger.capture("spent elsewhere", amount=spare)
    return alice


def test_a_wallet_worth_ten_jobs_takes_ten(nearly_broke):
    price = estimates.quote(make_request()).ceiling_ms

    outcomes = submit_together(nearly_broke)

    assert outcomes == {"Job": WORTH, "InsufficientBalance": REQUESTS - WORTH}
    assert Job.objects.queued().count() == WORTH
    assert balance(nearly_broke) == price // 2
    wallet = Wallet.objects.get(user=nearly_broke, unit=Unit.GPU_MS)
    assert wallet.balance >= wallet.held >= 0
    assert_books_balance()


def test_a_line_with_room_for_ten_takes_ten(charlie):
    outcomes = submit_together(charlie)

    assert outcomes == {"Job": WORTH, "TooManyJobs": REQUESTS - WORTH}
    assert_books_balance()


def test_without_the_wallets_lock_the_database_has_to_refuse(nearly_broke, monkeypatch):
    """The error has no reason, but no wallet is overdrawn."""
    monkeypatch.setattr(QuerySet, "select_for_update", lambda rows, **_options: rows)
    monkeypatch.setattr(sql, "LOCK_WALLET", sql.LOCK_WALLET.replace("FOR UPDATE", ""))

    outcomes = submit_together(nearly_broke)

    assert outcomes["IntegrityError"] > 0
    assert outcomes["Job"] <= WORTH
    assert_books_balance()


def test_without_either_the_checks_above_would_fail(nearly_broke, monkeypatch, unconstrained):
    monkeypatch.setattr(QuerySet, "select_for_update", lambda rows, **_options: rows)
    monkeypatch.setattr(sql, "LOCK_WALLET", sql.LOCK_WALLET.replace("FOR UPDATE", ""))

    outcomes = submit_together(nearly_broke)

    assert outcomes["Job"] > WORTH
    wallet = Wallet.objects.get(user=nearly_broke, unit=Unit.GPU_MS)
    assert wallet.balance < wallet.held


@pytest.fixture
def unconstrained(transactional_db):
    """Lets wallets be overdrawn until the test ends."""
    (constraint,) = (
        each for each in Wallet._meta.constraints if each.name == "wallet_covers_holds"
    )
    with connection.schema_editor() as editor:
        editor.remove_constraint(Wallet, constraint)
    yield
    Wallet.objects.update(held=0)
    with connection.schema_editor() as editor:
        editor.add_constraint(Wallet, constraint)
