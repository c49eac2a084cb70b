"""The reconciliation names each planted bug."""

from collections.abc import Callable
from io import StringIO

import pytest
from django.core.cache.backends.redis import RedisCache
from django.core.management import CommandError, call_command
from django.db import connection

from accounts.models import User
from billing import ledger, payments, reconciliation, tasks
from billing.models import Grant, Payment, Unit, Wallet
from billing.providers import sandbox
from billing.reconciliation import reconcile
from generation.models import Job, Status
from tests.billing import provider
from tests.billing.books import assert_books_balance, fund
from tests.generation import rows

pytestmark = pytest.mark.django_db


@pytest.fixture
def busy_wallet(alice: User) -> Wallet:
    fund(alice, 1_000)
    job = rows.make_job(alice, status=Status.QUEUED)
    Job.objects.update(hold_ms=100)
    for name in (job.hold_reference, "captured", "released"):
        ledger.hold(alice, unit=Unit.GPU_MS, amount=100, reference=name)
    ledger.capture("captured", amount=70)
    ledger.release("released")
    return ledger.wallet_of(alice, Unit.GPU_MS)


def test_right_books_are_clean(busy_wallet: Wallet) -> None:
    out = StringIO()

    call_command("reconcile", stdout=out)

    assert out.getvalue() == "clean\n"


@pytest.mark.parametrize(
    ("planted", "named"),
    [
        ("UPDATE billing_wallet SET balance = balance + 1", "its entries sum to 930"),
        ("UPDATE billing_wallet SET balance = balance - 1", "930 is left of its grants"),
        ("UPDATE billing_wallet SET held = held + 1", "its open holds sum to 100"),
        ("UPDATE billing_grant SET remaining = remaining - 1", "its entries sum to 930"),
        ("UPDATE billing_hold SET amount = 99 WHERE status = 'open'", "held is 100"),
        ("UPDATE billing_hold SET captured = 71 WHERE reference = 'captured'", "71 was captured"),
        (
            "UPDATE billing_hold SET status = 'released', captured = NULL WHERE reference = 'captured'",
            "0 was captured, its entries sum to 70",
        ),
        (
            "UPDATE billing_hold SET status = 'released', settled_at = now() WHERE status = 'open'",
            "its open holds sum to 0",
        ),
    ],
)
def test_a_planted_difference_is_named(
    busy_wallet: Wallet, planted: str, named: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with connection.cursor() as cursor:
        cursor.execute(planted)
    err = StringIO()

    with pytest.raises(CommandError):
        call_command("reconcile", stderr=err)

    assert named in err.getvalue()


@pytest.fixture
def unprotected(db: None) -> Callable[[str], None]:
    """Runs SQL with the entries' protection switched off."""

    def execute(sql: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL sdsite.allow_flush = 'on'")
            cursor.execute(sql)

    return execute


@pytest.mark.parametrize(
    "planted",
    [
        "UPDATE billing_entry SET amount = amount - 1 WHERE kind = 'capture'",
        "DELETE FROM billing_entry WHERE kind = 'capture'",
        "UPDATE billing_entry SET kind = 'adjustment', hold_id = NULL WHERE kind = 'capture'",
    ],
)
def test_a_changed_history_is_named(
    busy_wallet: Wallet, planted: str, unprotected: Callable[[str], None]
) -> None:
    unprotected(planted)

    assert any("hold" in difference for difference in reconcile())


def test_an_entry_in_the_wrong_wallet_is_named(
    busy_wallet: Wallet, bob: User, unprotected: Callable[[str], None]
) -> None:
    other = ledger.wallet_of(bob, Unit.GPU_MS)

    unprotected(f"UPDATE billing_entry SET wallet_id = {other.pk} WHERE kind = 'capture'")

    differences = reconcile()
    assert any("its hold is another wallet's" in difference for difference in differences)
    assert any("its grant is another wallet's" in difference for difference in differences)


@pytest.fixture
def half_refunded(alice: User) -> User:
    """Alice has a plan, and a top-up of which half was refunded."""
    provider.subscribe(alice)
    payment = provider.buy(alice, "minutes-100")
    sandbox.refund(payment.payment_intent_id, cents=payment.cents // 2)
    payments.synchronize(payment.payment_intent_id)
    return alice


def test_what_was_bought_and_refunded_is_clean(half_refunded: User) -> None:
    assert reconcile() == []


@pytest.mark.parametrize("source", ["plan", "topup", "pack"])
def test_a_bought_grant_without_a_payment_is_named(alice: User, source: Grant.Source) -> None:
    ledger.grant(alice, unit=Unit.GPU_MS, amount=1, source=source, reference="payment:cs_none:0")

    [named] = reconcile()

    assert f"(payment:cs_none:0, {source}): no payment of user {alice.pk} brought it" in named


def test_a_plans_grant_from_before_payments_were_stored_is_clean(alice: User) -> None:
    ledger.grant(
        alice, unit=Unit.GPU_MS, amount=1, source=Grant.Source.PLAN, reference="invoice:in_old"
    )

    assert reconcile() == []


@pytest.mark.parametrize("number", ["1", "00000000000000000000000000001", "x"])
@pytest.mark.parametrize("whose", ["own", "another's"])
def test_a_grant_beside_those_of_its_payment_is_named(
    half_refunded: User, bob: User, number: str, whose: str
) -> None:
    payment = Payment.objects.get(product="minutes-100")
    user = half_refunded if whose == "own" else bob
    ledger.grant(
        user,
        unit=Unit.GPU_MS,
        amount=1,
        source=Grant.Source.TOPUP,
        reference=f"payment:{payment.reference}:{number}",
    )

    [named] = reconcile()

    assert f"(payment:{payment.reference}:{number}, topup): no payment of user {user.pk}" in named


@pytest.mark.parametrize(
    ("planted", "named"),
    [
        (
            "UPDATE billing_payment SET grants_given = 2 WHERE product = 'minutes-100'",
            "it brought 2 grants, 1 are there",
        ),
        (
            "UPDATE billing_payment SET months = '[]', grants_given = 0 WHERE product = 'basic'",
            "plan): no payment of user",
        ),
        (
            "UPDATE billing_payment SET status = 'open', paid_at = NULL WHERE product = 'minutes-100'",
            "topup): no payment of user",
        ),
        (
            "UPDATE billing_grant SET amount = amount + 1 WHERE source = 'plan'",
            "its amount is 12000001, 12000000 was paid for",
        ),
        (
            "UPDATE billing_grant SET refunded = 0 WHERE source = 'topup'",
            "0 of it was refunded, its payment's share is 3000000",
        ),
        (
            "UPDATE billing_payment SET refunded_cents = 0 WHERE product = 'minutes-100'",
            "3000000 of it was refunded, its payment's share is 0",
        ),
    ],
)
def test_a_payment_that_differs_from_its_grants_is_named(
    half_refunded: User, planted: str, named: str
) -> None:
    with connection.cursor() as cursor:
        cursor.execute(planted)

    assert any(named in difference for difference in reconcile())


def test_the_books_of_nobody_balance() -> None:
    assert_books_balance()


def test_what_beat_found_is_kept(busy_wallet: Wallet, caplog: pytest.LogCaptureFixture) -> None:
    before = reconciliation.last()
    Wallet.objects.filter(pk=busy_wallet.pk).update(held=101)

    assert tasks.reconcile() == 1

    last = reconciliation.last()
    assert before is None
    assert last is not None
    assert [difference in caplog.text for difference in last.differences] == [True]


def test_what_the_command_found_is_kept(busy_wallet: Wallet) -> None:
    call_command("reconcile", stdout=StringIO())

    last = reconciliation.last()
    assert last is not None
    assert last.differences == ()


def test_books_can_be_compared_without_valkey(
    busy_wallet: Wallet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconciliation, "cache", RedisCache("redis://127.0.0.1:1/0", {}))

    assert reconciliation.run().differences == ()


def test_beat_compares_the_books(settings: pytest.FixtureRequest) -> None:
    assert "billing.reconcile" in {
        entry["task"] for entry in settings.CELERY_BEAT_SCHEDULE.values()
    }
