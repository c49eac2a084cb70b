"""Grant, hold, capture, release, refund, adjust, expire: the only writer of money rows.

Every verb is one transaction (or part of the caller's), locks the wallet's row first, and is safe to
call twice with one `reference`. Amounts are integers in the wallet's unit. Each change of a balance is
an entry; `Wallet.balance` and `Wallet.held` are kept beside the entries, so that nothing here costs
more as history grows.

A grant that expired pays only for the holds that were placed before it did. What it is not needed for
is written off by whichever verb meets it first, so no balance depends on `expire` having run.
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
    """The reference already belongs to another wallet's grant or hold. Nothing was written."""


class AlreadySettled(Exception):
    """The hold was settled the other way: released before a capture, or captured before a release."""


@dataclass(frozen=True)
class Available:
    """What a new hold could claim now, and what the open ones have set aside."""

    available: int
    held: int


def wallet_of(user: User, unit: Unit) -> Wallet:
    """The user's wallet in `unit`, made if there is none. Not locked."""
    return Wallet.objects.get_or_create(user=user, unit=unit)[0]


def lock(user: User, unit: Unit) -> Wallet:
    """The user's wallet, made if there is none, its row locked until the caller's transaction ends.

    For who has to decide something before holding, one at a time for each user.
    """
    return Wallet.objects.select_for_update().get(pk=wallet_of(user, unit).pk)


def standing(user: User, unit: Unit) -> Available:
    """How the user's wallet stands, read at one moment. Writes nothing."""
    wallet = Wallet.objects.filter(user=user, unit=unit).first()
    if wallet is None:
        return Available(available=0, held=0)
    lapsed = sum(part for _grant, part in locked.lapsed(wallet, at=timezone.now()))
    return Available(available=wallet.balance - wallet.held - lapsed, held=wallet.held)


def available(user: User, unit: Unit) -> int:
    """What a new hold could claim now. Writes nothing."""
    return standing(user, unit).available


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
    """Give `amount` (above zero). A second call returns the first one's grant, whatever its amount.

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

    An amount above the hold captures the hold: the house pays the rest. `at` dates the entries, for a
    caller whose own row bears the same moment. Returns what was captured, and the same again on a
    second call. Raises AlreadySettled after a release, Hold.DoesNotExist.
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

    Raises InsufficientBalance where less is available than is to be taken, and ReferenceReused.
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
    """Take back what is unspent of the `amount` of a grant, counted in all, that was paid back.

    An amount below the last one's gives back what that took beyond it: a dispute was won. Nothing that
    a hold may need is taken, and a grant that expired has nothing to take or to give. Returns what the
    balance moved by; zero on a second call. `note` says why. Raises Grant.DoesNotExist.
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
    """Write off what expired by `now` and no open hold needs; returns how many grants were touched.

    One short transaction a wallet; a wallet that somebody else has locked is left for the next time.
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
    """What the balance moves by when `amount` of the grant is refunded in all."""
    if amount > given.refunded:
        return -min(amount - given.refunded, locked.spare(wallet, given))
    taken = locked.taken_back(given)
    return taken - min(taken, amount)


def _require_same_wallet(known: Grant | Hold, wallet: Wallet) -> None:
    if known.wallet_id != wallet.pk:
        raise ReferenceReused(known.reference)
