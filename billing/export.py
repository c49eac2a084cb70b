"""The billing part of an account's export: the plan and every entry of every wallet."""

from collections.abc import Iterator
from typing import Any

from accounts.archive import Archive
from accounts.models import User
from billing.models import Entry, Subscription

AT_ONCE = 500


def count(user: User) -> int:
    return Entry.objects.filter(wallet__user=user).count()


def write(user: User, archive: Archive) -> None:
    subscription = Subscription.objects.filter(user=user).first()
    archive.add_json("subscription.json", _subscription(subscription) if subscription else None)
    archive.add_rows("ledger.json", (_entry(entry) for entry in _entries(user)))


def _subscription(subscription: Subscription) -> dict[str, Any]:
    return {
        "plan": subscription.plan,
        "status": subscription.status,
        "current_period_start": subscription.current_period_start,
        "current_period_end": subscription.current_period_end,
        "cancel_at_period_end": subscription.cancel_at_period_end,
        "provider": subscription.provider,
        "provider_subscription_id": subscription.provider_subscription_id,
    }


def _entries(user: User) -> Iterator[Entry]:
    """In the order in which they were written, some at a time: no query lasts long."""
    last = 0
    entries = Entry.objects.filter(wallet__user=user).order_by("pk")
    while some := list(entries.filter(pk__gt=last).select_related("wallet", "grant")[:AT_ONCE]):
        yield from some
        last = some[-1].pk


def _entry(entry: Entry) -> dict[str, Any]:
    return {
        "at": entry.created_at,
        "kind": entry.kind,
        "amount": entry.amount,
        "unit": entry.wallet.unit,
        "source": entry.grant.source,
        "expires_at": entry.grant.expires_at,
        "reference": entry.reference,
        "note": entry.note,
    }
