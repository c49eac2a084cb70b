"""Grant, hold, capture, release, adjust, expire: the only writer of money rows.

Every verb is one transaction (or part of the caller's), locks the wallet's row first, and is safe to
call twice with one `reference`. Amounts are integers in the wallet's unit. Each change of a balance is
an entry; `Wallet.balance` and `Wallet.held` are kept beside the entries, so that nothing here costs
more as history grows.

A grant that expired pays only for the holds that were placed before it did. What it is not needed for
is written off by whichever verb meets it first, so no balance depends on `expire` having run.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from billing.models import Entry, Grant, Hold, Unit, Wallet

if TYPE_CHECKING:
    from accounts.models import User


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
class Standing:
    """What a new hold could claim now, and what the open ones have set aside."""

    available: int
    held: int


def wallet_of(user: "User", unit: Unit) -> Wallet:
    """The user's wallet in `unit`, made if there is none. Not locked."""
    return Wallet.objects.get_or_create(user=user, unit=unit)[0]


def standing(user: "User", unit: Unit) -> Standing:
    """How the user's wallet stands, read at one moment. Writes nothing."""
    wallet = Wallet.objects.filter(user=user, unit=unit).first()
    if wallet is None:
        return Standing(available=0, held=0)
    lapsed = sum(part for _grant, part in _lapsed(wallet, at=timezone.now()))
    return Standing(available=wallet.balance - wallet.held - lapsed, held=wallet.held)


def available(user: "User", unit: Unit) -> int:
    """What a new hold could claim now. Writes nothing."""
    return standing(user, unit).available


@transaction.atomic
def grant(
    user: "User",
    *,
    unit: Unit,
    amount: int,
    source: Grant.Source,
    reference: str,
    expires_at: datetime | None = None,
    note: str = "",
) -> Grant:
    """Give `amount` (above zero). A second call returns the first one's grant, whatever its amount.

    Raises ReferenceReused if the reference belongs to another wallet.
    """
    wallet = _lock(wallet_of(user, unit))
    if known := Grant.objects.filter(reference=reference).first():
        _require_same_wallet(known, wallet)
        return known
    given = Grant.objects.create(
        wallet=wallet,
        source=source,
        amount=amount,
        remaining=amount,
        expires_at=expires_at,
        reference=reference,
        note=note,
    )
    kind = Entry.Kind.ADJUSTMENT if source == Grant.Source.ADJUSTMENT else Entry.Kind.GRANT
    Entry.objects.create(
        wallet=wallet, kind=kind, amount=amount, reference=reference, grant=given, note=note
    )
    _move(wallet, balance=amount)
    return given


@transaction.atomic
def hold(user: "User", *, unit: Unit, amount: int, reference: str) -> Hold:
    """Set `amount` (above zero) aside. A second call returns the first one's hold, open or settled.

    Raises InsufficientBalance, or ReferenceReused if the reference belongs to another wallet.
    """
    wallet = Wallet.objects.select_for_update().filter(user=user, unit=unit).first()
    if wallet is None:
        raise InsufficientBalance(needed=amount, available=0)
    if known := Hold.objects.filter(reference=reference).first():
        _require_same_wallet(known, wallet)
        return known
    now = timezone.now()
    _write_off(wallet, at=now)
    if amount > wallet.balance - wallet.held:
        raise InsufficientBalance(needed=amount, available=wallet.balance - wallet.held)
    placed = Hold.objects.create(wallet=wallet, amount=amount, reference=reference, created_at=now)
    _move(wallet, held=amount)
    return placed


@transaction.atomic
def capture(hold_reference: str, *, amount: int, at: datetime | None = None) -> int:
    """Settle a hold by spending `amount` (zero or more) of it and freeing the rest.

    An amount above the hold captures the hold: the house pays the rest. `at` dates the entries, for a
    caller whose own row bears the same moment. Returns what was captured, and the same again on a
    second call. Raises AlreadySettled after a release, Hold.DoesNotExist.
    """
    if amount < 0:
        raise ValueError(f"a capture of {amount} is negative")
    held = _lock_hold(hold_reference)
    return _capture(held, amount=amount, kind=Entry.Kind.CAPTURE, at=at or timezone.now())


@transaction.atomic
def release(hold_reference: str) -> None:
    """Settle a hold by freeing all of it; no effect on one already released.

    Raises AlreadySettled after a capture, Hold.DoesNotExist.
    """
    held = _lock_hold(hold_reference)
    if held.status == Hold.Status.CAPTURED:
        raise AlreadySettled(hold_reference)
    if held.status == Hold.Status.RELEASED:
        return
    _settle(held, status=Hold.Status.RELEASED, captured=None, at=timezone.now())
    _move(held.wallet, held=-held.amount)


@transaction.atomic
def adjust(user: "User", *, unit: Unit, amount: int, reference: str, note: str) -> None:
    """Correct a mistake: give `amount`, or take it back at once if it is below zero. `note` says why.

    Raises InsufficientBalance where less is available than is to be taken, and ReferenceReused.
    """
    if amount > 0:
        source = Grant.Source.ADJUSTMENT
        grant(user, unit=unit, amount=amount, source=source, reference=reference, note=note)
    else:
        hold(user, unit=unit, amount=-amount, reference=reference)
        held = _lock_hold(reference)
        kind = Entry.Kind.ADJUSTMENT
        _capture(held, amount=-amount, kind=kind, at=timezone.now(), note=note)


def expire(now: datetime) -> int:
    """Write off what expired by `now` and no open hold needs; returns how many grants were touched.

    One short transaction a wallet; a wallet that somebody else has locked is left for the next time.
    """
    due = Grant.objects.filter(remaining__gt=0, expires_at__lte=now)
    count = 0
    for wallet_id in due.values_list("wallet", flat=True).distinct():
        with transaction.atomic():
            wallet = Wallet.objects.select_for_update(skip_locked=True).filter(pk=wallet_id).first()
            count += _write_off(wallet, at=now) if wallet else 0
    return count


def _lock(wallet: Wallet) -> Wallet:
    return Wallet.objects.select_for_update().get(pk=wallet.pk)


def _lock_hold(reference: str) -> Hold:
    """The hold and its wallet, both as they are once their rows are locked, the wallet's first."""
    holds = Hold.objects.select_related("wallet").select_for_update(of=("wallet", "self"))
    return holds.get(reference=reference)


def _capture(held: Hold, *, amount: int, kind: Entry.Kind, at: datetime, note: str = "") -> int:
    if held.status == Hold.Status.RELEASED:
        raise AlreadySettled(held.reference)
    if held.captured is not None:
        return held.captured
    captured = min(amount, held.amount)
    _spend(held, amount=captured, kind=kind, at=at, note=note)
    _settle(held, status=Hold.Status.CAPTURED, captured=captured, at=at)
    _move(held.wallet, balance=-captured, held=-held.amount)
    return captured


def _require_same_wallet(known: Grant | Hold, wallet: Wallet) -> None:
    if known.wallet_id != wallet.pk:
        raise ReferenceReused(known.reference)


def _move(wallet: Wallet, *, balance: int = 0, held: int = 0) -> None:
    """Add to both sums; the caller has locked the wallet. The instance follows the row."""
    wallet.balance += balance
    wallet.held += held
    wallet.save(update_fields=["balance", "held"])


def _settle(held: Hold, *, status: Hold.Status, captured: int | None, at: datetime) -> None:
    held.status = status
    held.captured = captured
    held.settled_at = at
    held.save(update_fields=["status", "captured", "settled_at"])


# Shares %(amount)s out over the grants that were alive when the hold was placed, nearest expiry first, and
# writes one entry for each grant that it takes from: one statement, however many grants there are.
_SPEND = """
WITH queue AS (
    SELECT id, remaining, sum(remaining) OVER (ORDER BY expires_at NULLS LAST, id) - remaining AS before
    FROM billing_grant
    WHERE wallet_id = %(wallet)s AND remaining > 0
      AND (expires_at IS NULL OR expires_at > %(placed_at)s)
), share AS (
    SELECT id, least(remaining, %(amount)s - before)::bigint AS part
    FROM queue
    WHERE before < %(amount)s
), taken AS (
    UPDATE billing_grant SET remaining = remaining - part FROM share WHERE billing_grant.id = share.id
)
INSERT INTO billing_entry (wallet_id, kind, amount, reference, grant_id, hold_id, note, created_at)
SELECT %(wallet)s, %(kind)s, -part, %(reference)s || ':' || id, id, %(hold)s, %(note)s, %(at)s
FROM share
RETURNING amount
"""


def _spend(held: Hold, *, amount: int, kind: Entry.Kind, at: datetime, note: str) -> None:
    """Take `amount` of the hold from the grants that cover it; the caller moves the wallet's sums.

    They always do cover it: `_surplus` keeps, of every expired grant, what earlier holds may need.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            _SPEND,
            {
                "wallet": held.wallet_id,
                "amount": amount,
                "placed_at": held.created_at,
                "kind": kind,
                "reference": f"{held.reference}:capture",
                "hold": held.pk,
                "note": note,
                "at": at,
            },
        )
        taken = -sum(row[0] for row in cursor.fetchall())
    assert taken == amount, f"hold {held.reference}: its grants cover {taken} of {amount}"


def _write_off(wallet: Wallet, *, at: datetime) -> int:
    """Expire what lapsed by `at`; returns the number of grants. The caller has locked the wallet."""
    lapsed = _lapsed(wallet, at=at)
    for expired, part in lapsed:
        expired.remaining -= part
        expired.save(update_fields=["remaining"])
        Entry.objects.create(
            wallet=wallet,
            kind=Entry.Kind.EXPIRE,
            amount=-part,
            # What remains only ever falls, so this is new each time.
            reference=f"grant:{expired.pk}:expire:{expired.remaining}",
            grant=expired,
        )
        _move(wallet, balance=-part)
    return len(lapsed)


def _lapsed(wallet: Wallet, *, at: datetime) -> list[tuple[Grant, int]]:
    """The grants that expired by `at`, each with the part of it that no earlier hold may need."""
    due = list(
        wallet.grants.filter(remaining__gt=0, expires_at__lte=at).order_by("expires_at", "id")
    )
    if not due:
        return []
    holds = wallet.holds.filter(status=Hold.Status.OPEN).values_list("created_at", "amount")
    return _surplus(due, list(holds))


def _surplus(
    due: Sequence[Grant], holds: Sequence[tuple[datetime, int]]
) -> list[tuple[Grant, int]]:
    """Of the grants `due`, by expiry, what exceeds the holds that were placed before each expired.

    A hold spends the nearest expiry first, so the grants before this one cover those holds first.
    """
    surplus = []
    kept = 0
    for expired in due:
        assert expired.expires_at is not None, "a grant without expiry is never due"
        needed = sum(amount for placed_at, amount in holds if placed_at < expired.expires_at)
        keep = min(expired.remaining, needed - kept)
        kept += keep
        if keep < expired.remaining:
            surplus.append((expired, expired.remaining - keep))
    return surplus
