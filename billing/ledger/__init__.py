"""Grant, hold, capture, release, refund, adjust, expire: the only writer of money rows.

Every verb is one transaction (or part of the caller's), locks the wallet's row first, and is safe to
call twice with one `reference`. Amounts are integers in the wallet's unit. Each change of a balance is
an entry; `Wallet.balance` and `Wallet.held` are kept beside the entries, so that nothing here costs
more as history grows.

An expired grant pays only for holds that were placed before its expiry. The first verb that meets it
writes the rest off, so no balance depends on `expire` having run.
"""

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from billing import signals
from billing.ledger import locked, sql
from billing.models import Entry, Grant, Hold, Unit, Wallet


class InsufficientBalance(Exception):
    """The wallet has `available`, which is less than the `needed` amount. Nothing was written."""

    def __init__(self, *, needed: int, available: int) -> None:
        super().__init__(_("Your balance does not cover this."))
        self.needed = needed
        self.available = available


class ReferenceReused(Exception):
    """The reference belongs to a grant or hold of another wallet. Nothing was written."""


class AlreadySettled(Exception):
    """A capture after a release, or a release after a capture."""


@dataclass(frozen=True)
class Available:
    """The amount for a new hold, and the amount set aside by open holds."""

    available: int
    held: int


def wallet_of(user: User, unit: Unit) -> Wallet:
    """The user's wallet in `unit`, created on first use. Not locked."""
    return Wallet.objects.get_or_create(user=user, unit=unit)[0]


def lock(user: User, unit: Unit) -> Wallet:
    """The user's wallet, created on first use, its row locked until the caller's transaction ends.

    The lock serializes decisions about one user that come before a hold.
    """
    return Wallet.objects.select_for_update().get(pk=wallet_of(user, unit).pk)


def available_and_held(user: User, unit: Unit) -> Available:
    """The available and the held amount, read at one moment. Writes nothing."""
    return available_in(Wallet.objects.filter(user=user, unit=unit).first())


def available_in(wallet: Wallet | None) -> Available:
    """The same of a wallet that was just read; nothing of one that was never used. One query."""
    if wallet is None:
        return Available(available=0, held=0)
    lapsed = sum(part for _grant, part in locked.lapsed(wallet, at=timezone.now()))
    return Available(available=wallet.balance - wallet.held - lapsed, held=wallet.held)


def available(user: User, unit: Unit) -> int:
    """The largest amount for a new hold. Writes nothing."""
    return available_and_held(user, unit).available


@transaction.atomic
def grant(
    user: User,
    *,
    unit: Unit,
    amount: int,
    source: Grant.Source,
    reference: str,
    rolls_over_at: datetime | None = None,
    expires_at: datetime | None = None,
    note: str = "",
) -> Grant:
    """Give `amount` (above zero). A second call returns the first one's grant and ignores its own amount.

    Raises ReferenceReused if the reference belongs to another wallet.
    """
    wallet = lock(user, unit)
    if known := Grant.objects.filter(reference=reference).first():
        _require_same_wallet(known, wallet)
        return known
    given = Grant.objects.create(
        wallet=wallet,
        source=source,
        amount=amount,
        remaining=amount,
        rolls_over_at=rolls_over_at,
        expires_at=expires_at,
        reference=reference,
        note=note,
    )
    kind = Entry.Kind.ADJUSTMENT if source == Grant.Source.ADJUSTMENT else Entry.Kind.GRANT
    Entry.objects.create(
        wallet=wallet, kind=kind, amount=amount, reference=reference, grant=given, note=note
    )
    locked.move(wallet, balance=amount)
    signals.balance_rose.send(Wallet, wallet=wallet)
    return given


@transaction.atomic
def hold(user: User, *, unit: Unit, amount: int, reference: str) -> Hold:
    """Set `amount` (above zero) aside. A second call returns the first one's hold, open or settled.

    Raises InsufficientBalance, or ReferenceReused if the reference belongs to another wallet.
    """
    wallet = sql.lock_wallet(user.pk, unit)
    if wallet is None:
        raise InsufficientBalance(needed=amount, available=0)
    now = timezone.now()
    if placed := sql.place(wallet, amount=amount, reference=reference, at=now):
        return placed
    if known := Hold.objects.filter(reference=reference).first():
        _require_same_wallet(known, wallet)
        return known
    locked.write_off(wallet, at=now)
    if placed := sql.place(wallet, amount=amount, reference=reference, at=now, written_off=True):
        return placed
    raise InsufficientBalance(needed=amount, available=wallet.balance - wallet.held)


@transaction.atomic
def capture(hold_reference: str, *, amount: int, at: datetime | None = None) -> int:
    """Settle a hold by spending `amount` (zero or more) of it and freeing the rest.

    An amount above the hold captures the hold; nobody is charged the difference. `at` dates the
    entries, for a caller that stores the same moment. Returns the captured amount, also on a second
    call. Raises AlreadySettled after a release, Hold.DoesNotExist.
    """
    if amount < 0:
        raise ValueError(f"a capture of {amount} is negative")
    held = sql.lock_hold(hold_reference)
    is_first = held.captured is None
    captured = _capture(held, amount=amount, kind=Entry.Kind.CAPTURE, at=at or timezone.now())
    if is_first and captured < held.amount:
        signals.balance_rose.send(Wallet, wallet=held.wallet)
    return captured


@transaction.atomic
def release(hold_reference: str) -> None:
    """Settle a hold by freeing all of it; no effect on one already released.

    Raises AlreadySettled after a capture, Hold.DoesNotExist.
    """
    held = sql.lock_hold(hold_reference)
    if held.status == Hold.Status.CAPTURED:
        raise AlreadySettled(hold_reference)
    if held.status == Hold.Status.RELEASED:
        return
    held.status, held.settled_at = Hold.Status.RELEASED, timezone.now()
    held.save(update_fields=["status", "settled_at"])
    locked.move(held.wallet, held=-held.amount)
    signals.balance_rose.send(Wallet, wallet=held.wallet)


@transaction.atomic
def adjust(user: User, *, unit: Unit, amount: int, reference: str, note: str) -> None:
    """Correct a mistake: give `amount`, or take it back at once if it is below zero. `note` says why.

    Raises InsufficientBalance if the wallet has less than that, and ReferenceReused.
    """
    if amount > 0:
        source = Grant.Source.ADJUSTMENT
        grant(user, unit=unit, amount=amount, source=source, reference=reference, note=note)
    else:
        hold(user, unit=unit, amount=-amount, reference=reference)
        held = sql.lock_hold(reference)
        kind = Entry.Kind.ADJUSTMENT
        _capture(held, amount=-amount, kind=kind, at=timezone.now(), note=note)


@transaction.atomic
def refund(grant_reference: str, *, amount: int, note: str) -> int:
    """Take back the unspent part of a grant of which `amount`, in total, was refunded.

    A lower `amount` than before gives the difference back: a dispute was won. Open holds keep their
    cover, and an expired grant does not change. Returns the change of the balance, zero on a second
    call. `note` says why. Raises Grant.DoesNotExist.
    """
    wallet_id = Grant.objects.values_list("wallet", flat=True).get(reference=grant_reference)
    wallet = Wallet.objects.select_for_update().get(pk=wallet_id)
    locked.write_off(wallet, at=timezone.now())
    given = Grant.objects.get(reference=grant_reference)
    part = 0 if given.has_expired else _owed_back(wallet, given, amount=amount)
    given.refunded = amount
    given.remaining += part
    given.save(update_fields=["refunded", "remaining"])
    if part:
        number = given.entries.filter(kind=Entry.Kind.REFUND).count()
        Entry.objects.create(
            wallet=wallet,
            kind=Entry.Kind.REFUND,
            amount=part,
            reference=f"grant:{given.pk}:refund:{number}",
            grant=given,
            note=note,
        )
        locked.move(wallet, balance=part)
    if part > 0:
        signals.balance_rose.send(Wallet, wallet=wallet)
    return part


def spent_on(hold_reference: str) -> list[Entry]:
    """The entries that paid for a hold, each with its grant, in the order in which they were spent."""
    entries = Entry.objects.filter(hold__reference=hold_reference, kind=Entry.Kind.CAPTURE)
    return list(entries.select_related("grant").order_by("id"))


def expire(now: datetime) -> int:
    """Write off expired amounts that no open hold needs; returns the number of changed grants.

    One short transaction for each wallet. A locked wallet is left for the next run.
    """
    due = Grant.objects.filter(remaining__gt=0, expires_at__lte=now)
    count = 0
    for wallet_id in due.values_list("wallet", flat=True).distinct():
        with transaction.atomic():
            wallet = Wallet.objects.select_for_update(skip_locked=True).filter(pk=wallet_id).first()
            count += locked.write_off(wallet, at=now) if wallet else 0
    return count


def _capture(held: Hold, *, amount: int, kind: Entry.Kind, at: datetime, note: str = "") -> int:
    if held.status == Hold.Status.RELEASED:
        raise AlreadySettled(held.reference)
    if held.captured is not None:
        return held.captured
    captured = min(amount, held.amount)
    sql.capture(held, amount=captured, kind=kind, note=note, at=at)
    return captured


def _owed_back(wallet: Wallet, given: Grant, *, amount: int) -> int:
    """The change of the balance when `amount` of the grant is refunded in total."""
    if amount > given.refunded:
        return -min(amount - given.refunded, locked.spare(wallet, given))
    taken = locked.taken_back(given)
    return taken - min(taken, amount)


def _require_same_wallet(known: Grant | Hold, wallet: Wallet) -> None:
    if known.wallet_id != wallet.pk:
        raise ReferenceReused(known.reference)
