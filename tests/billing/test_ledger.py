from collections.abc import Callable

import pytest
from django.db import IntegrityError, transaction
from django.dispatch import Signal

from accounts.models import User
from billing import ledger, signals
from billing.models import Entry, Grant, Hold, Unit, Wallet
from tests.billing.books import assert_wallets_balance, balance, fund
from tests.billing.conftest import Clock, Told

pytestmark = pytest.mark.django_db


def hold(user: User, amount: int, reference: str = "job:1") -> Hold:
    return ledger.hold(user, unit=Unit.GPU_MS, amount=amount, reference=reference)


def test_a_user_without_a_wallet_has_nothing(alice: User) -> None:
    assert balance(alice) == 0
    with pytest.raises(ledger.InsufficientBalance) as refusal:
        hold(alice, 1)

    assert (refusal.value.needed, refusal.value.available) == (1, 0)
    assert not Wallet.objects.exists()


def test_a_grant_adds_to_the_balance_with_an_entry(alice: User) -> None:
    given = fund(alice, 500, source=Grant.Source.TOPUP)

    assert balance(alice) == 500
    assert given.remaining == 500
    entry = Entry.objects.get()
    assert (entry.kind, entry.amount, entry.grant) == (Entry.Kind.GRANT, 500, given)
    assert_wallets_balance()


def test_a_repeated_grant_gives_nothing_more(alice: User) -> None:
    first = fund(alice, 500)

    again = fund(alice, 900)

    assert again == first
    assert balance(alice) == 500
    assert_wallets_balance()


def test_a_reference_belongs_to_one_wallet(alice: User, bob: User) -> None:
    fund(alice, 500)
    fund(bob, 500)
    hold(alice, 10)

    with pytest.raises(ledger.ReferenceReused):
        hold(bob, 10)
    with pytest.raises(ledger.ReferenceReused):
        ledger.grant(
            bob,
            unit=Unit.GPU_MS,
            amount=1,
            source=Grant.Source.TRIAL,
            reference=f"funds:{alice.pk}",
        )

    assert balance(bob) == 500
    assert_wallets_balance()


def test_units_are_kept_apart(alice: User) -> None:
    fund(alice, 500)

    assert ledger.available(alice, Unit.CREDITS) == 0
    with pytest.raises(ledger.InsufficientBalance):
        ledger.hold(alice, unit=Unit.CREDITS, amount=1, reference="picture:1")
    assert_wallets_balance()


def test_a_hold_sets_aside_and_a_release_gives_back(alice: User) -> None:
    fund(alice, 500)

    hold(alice, 200)
    assert balance(alice) == 300
    ledger.release("job:1")

    assert balance(alice) == 500
    assert_wallets_balance()


def test_a_hold_of_all_that_is_there_is_allowed_and_one_more_is_not(alice: User) -> None:
    fund(alice, 500)

    hold(alice, 500)
    with pytest.raises(ledger.InsufficientBalance) as refusal:
        hold(alice, 1, "job:2")

    assert (refusal.value.needed, refusal.value.available) == (1, 0)
    assert Hold.objects.count() == 1
    assert_wallets_balance()


def test_a_repeated_hold_holds_once(alice: User) -> None:
    fund(alice, 500)

    assert hold(alice, 200) == hold(alice, 200)

    assert balance(alice) == 300
    assert_wallets_balance()


def test_a_capture_spends_what_was_measured_and_frees_the_rest(alice: User) -> None:
    fund(alice, 500)
    hold(alice, 200)

    captured = ledger.capture("job:1", amount=120)

    assert captured == 120
    assert balance(alice) == 380
    assert_wallets_balance()


def test_a_capture_never_exceeds_its_hold(alice: User) -> None:
    fund(alice, 500)
    hold(alice, 200)

    captured = ledger.capture("job:1", amount=9_999)

    assert captured == 200
    assert balance(alice) == 300
    assert_wallets_balance()


def test_a_capture_of_nothing_settles_without_an_entry(alice: User) -> None:
    fund(alice, 500)
    held = hold(alice, 200)

    assert ledger.capture("job:1", amount=0) == 0

    held.refresh_from_db()
    assert held.status == Hold.Status.CAPTURED
    assert not held.entries.exists()
    assert balance(alice) == 500
    assert_wallets_balance()


def test_a_negative_capture_is_refused(alice: User) -> None:
    fund(alice, 500)
    hold(alice, 200)

    with pytest.raises(ValueError, match="negative"):
        ledger.capture("job:1", amount=-1)

    assert balance(alice) == 300
    assert_wallets_balance()


def test_a_repeated_capture_returns_the_first_figure(alice: User) -> None:
    fund(alice, 500)
    hold(alice, 200)
    ledger.capture("job:1", amount=120)

    again = ledger.capture("job:1", amount=199)

    assert again == 120
    assert balance(alice) == 380
    assert_wallets_balance()


def test_a_repeated_release_changes_nothing(alice: User) -> None:
    fund(alice, 500)
    hold(alice, 200)
    ledger.release("job:1")

    ledger.release("job:1")

    assert balance(alice) == 500
    assert_wallets_balance()


def test_a_hold_is_settled_one_way_only(alice: User) -> None:
    fund(alice, 500)
    hold(alice, 200, "job:1")
    hold(alice, 200, "job:2")
    ledger.capture("job:1", amount=120)
    ledger.release("job:2")

    with pytest.raises(ledger.AlreadySettled):
        ledger.release("job:1")
    with pytest.raises(ledger.AlreadySettled):
        ledger.capture("job:2", amount=1)

    assert balance(alice) == 380
    assert_wallets_balance()


def test_an_unknown_hold_is_an_error(alice: User) -> None:
    with pytest.raises(Hold.DoesNotExist):
        ledger.capture("job:404", amount=1)
    with pytest.raises(Hold.DoesNotExist):
        ledger.release("job:404")


def test_grants_are_spent_nearest_expiry_first_with_an_entry_each(
    alice: User, clock: Clock
) -> None:
    fund(alice, 100, reference="forever")
    for days in (20, 10):
        ledger.grant(
            alice,
            unit=Unit.GPU_MS,
            amount=100,
            source=Grant.Source.PLAN,
            reference=f"{days} days",
            expires_at=clock.after(days=days),
        )
    hold(alice, 250)

    ledger.capture("job:1", amount=250)

    left = dict(Grant.objects.values_list("reference", "remaining"))
    assert left == {"10 days": 0, "20 days": 0, f"forever:{alice.pk}": 50}
    spent = Entry.objects.filter(kind=Entry.Kind.CAPTURE).order_by("id")
    assert [(entry.grant.reference, entry.amount) for entry in spent] == [
        ("10 days", -100),
        ("20 days", -100),
        (f"forever:{alice.pk}", -50),
    ]
    assert {entry.reference for entry in spent} == {f"job:1:capture:{e.grant_id}" for e in spent}
    assert_wallets_balance()


def adjust(user: User, amount: int) -> None:
    ledger.adjust(
        user, unit=Unit.GPU_MS, amount=amount, reference="adjustment:1", note="Paid twice"
    )


@pytest.mark.parametrize("amount", [200, -200])
def test_an_adjustment_happens_once_and_says_why(alice: User, amount: int) -> None:
    fund(alice, 500, source=Grant.Source.TOPUP)

    adjust(alice, amount)
    adjust(alice, amount)

    entry = Entry.objects.get(kind=Entry.Kind.ADJUSTMENT)
    assert (entry.amount, entry.note) == (amount, "Paid twice")
    assert balance(alice) == 500 + amount
    assert_wallets_balance()


def test_an_adjustment_leaves_what_is_held(alice: User) -> None:
    fund(alice, 500)
    hold(alice, 400)

    with pytest.raises(ledger.InsufficientBalance):
        adjust(alice, -200)

    assert balance(alice) == 100
    assert_wallets_balance()


@pytest.mark.parametrize("sums", [{"balance": -1}, {"held": -1}, {"held": 501}])
def test_the_database_refuses_impossible_sums(alice: User, sums: dict[str, int]) -> None:
    fund(alice, 500)

    with pytest.raises(IntegrityError), transaction.atomic():
        Wallet.objects.update(**sums)


def test_the_number_of_statements_does_not_depend_on_history(
    alice: User, django_assert_num_queries: pytest.FixtureRequest
) -> None:
    fund(alice, 1_000)
    for number in range(30):
        hold(alice, 10, f"job:{number}")
        ledger.capture(f"job:{number}", amount=number % 10)

    with django_assert_num_queries(4):  # of which two are the savepoint
        hold(alice, 10, "job:next")
    with django_assert_num_queries(4):
        ledger.capture("job:next", amount=10)


# Refunds ----------------------------------------------------------------------------------------


def refund(given: Grant, amount: int) -> int:
    return ledger.refund(given.reference, amount=amount, note="The payment was refunded: in_1")


def test_a_refund_takes_back_what_is_unspent_and_says_why(alice: User) -> None:
    given = fund(alice, 500)
    hold(alice, 200)
    ledger.capture("job:1", amount=200)

    assert refund(given, 500) == -300

    assert balance(alice) == 0
    entry = Entry.objects.get(kind=Entry.Kind.REFUND)
    assert (entry.amount, entry.grant, entry.note) == (
        -300,
        given,
        "The payment was refunded: in_1",
    )
    assert_wallets_balance()


def test_a_refund_is_counted_in_all(alice: User) -> None:
    given = fund(alice, 500)

    moved = [refund(given, amount) for amount in (100, 100, 250, 500)]

    assert moved == [-100, 0, -150, -250]
    assert_wallets_balance()


def test_what_a_hold_may_need_is_not_taken(alice: User) -> None:
    given = fund(alice, 500)
    hold(alice, 200)

    assert refund(given, 500) == -300

    assert ledger.capture("job:1", amount=200) == 200
    assert_wallets_balance()


def test_what_a_refund_could_not_take_is_not_taken_later(alice: User) -> None:
    given = fund(alice, 500)
    hold(alice, 200)
    refund(given, 500)
    ledger.release("job:1")

    assert refund(given, 500) == 0

    assert balance(alice) == 200
    assert_wallets_balance()


def test_a_refund_that_is_undone_gives_back_what_it_took(alice: User) -> None:
    given = fund(alice, 500)
    hold(alice, 200)
    ledger.capture("job:1", amount=200)
    refund(given, 500)

    assert refund(given, 400) == 0
    assert refund(given, 100) == 200
    assert refund(given, 0) == 100

    assert balance(alice) == 300
    assert_wallets_balance()


def test_a_grant_that_expired_has_nothing_to_take(alice: User, clock: Clock) -> None:
    given = ledger.grant(
        alice,
        unit=Unit.GPU_MS,
        amount=100,
        source=Grant.Source.PLAN,
        reference="month",
        expires_at=clock.after(days=30),
    )
    hold(alice, 60)
    clock.advance(days=30)

    assert refund(given, 100) == 0

    assert ledger.capture("job:1", amount=60) == 60
    assert balance(alice) == 0
    assert_wallets_balance()


def test_only_the_grants_own_amount_can_be_refunded(alice: User) -> None:
    given = fund(alice, 500)

    with pytest.raises(IntegrityError), transaction.atomic():
        refund(given, 501)

    assert_wallets_balance()


# Signals ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("verb", "rises"),
    [
        (lambda user: fund(user, 10, reference="more"), 1),
        (lambda _user: ledger.release("job:1"), 1),
        (lambda _user: ledger.capture("job:1", amount=199), 1),
        (lambda _user: ledger.capture("job:1", amount=200), 0),
        (lambda _user: ledger.capture("job:1", amount=201), 0),
        (lambda user: hold(user, 10, "job:2"), 0),
    ],
    ids=["grant", "release", "capture of a part", "capture of all", "capture of more", "hold"],
)
def test_whoever_listens_hears_when_more_can_be_held(
    alice: User, listen: Callable[[Signal], Told], verb: Callable[[User], object], rises: int
) -> None:
    fund(alice, 500)
    hold(alice, 200)
    told = listen(signals.balance_rose)

    verb(alice)

    assert [said["wallet"].user for said in told] == [alice] * rises


def test_a_second_capture_frees_nothing_more(alice: User, listen: Callable[[Signal], Told]) -> None:
    fund(alice, 500)
    hold(alice, 200)
    told = listen(signals.balance_rose)

    ledger.capture("job:1", amount=100)
    ledger.capture("job:1", amount=100)

    assert len(told) == 1


def test_the_signal_of_a_capture_comes_when_the_rest_can_be_held(
    alice: User, listen: Callable[[Signal], Told]
) -> None:
    fund(alice, 500)
    hold(alice, 200)
    told = listen(signals.balance_rose)

    ledger.capture("job:1", amount=150)

    wallet = told[0]["wallet"]
    assert (wallet.balance, wallet.held) == (350, 0)
