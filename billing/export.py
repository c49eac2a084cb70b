"""The billing part of an account's export: the plan, payments, wallets, grants and every entry."""

from collections.abc import Iterator
from typing import Any

from accounts.archive import Archive
from accounts.models import User
from accounts.row_pages import newest_first
from billing.models import Customer, Entry, Grant, Payment, Subscription, Wallet

AT_ONCE = 500


def count(user: User) -> int:
    entries = Entry.objects.filter(wallet__user=user).count()
    grants = Grant.objects.filter(wallet__user=user).count()
    return entries + grants + Payment.objects.filter(user=user).count()


def write(user: User, archive: Archive) -> None:
    subscription = Subscription.objects.filter(user=user).first()
    payments = newest_first(Payment.objects.filter(user=user), at_once=AT_ONCE)
    grants = Grant.objects.filter(wallet__user=user).select_related("wallet")
    archive.add_json("subscription.json", _subscription(subscription) if subscription else None)
    archive.add_json("wallets.json", _wallets(user))
    archive.add_rows("payments.json", (_payment(payment) for payment in payments))
    archive.add_rows(
        "grants.json", (_grant(grant) for grant in newest_first(grants, at_once=AT_ONCE))
    )
    archive.add_rows("ledger.json", (_entry(entry) for entry in _entries(user)))


def _wallets(user: User) -> dict[str, Any]:
    """Balances, and the person's numbers at payment providers."""
    return {
        "wallets": list(Wallet.objects.filter(user=user).values("unit", "balance", "held")),
        "customers": list(
            Customer.objects.filter(user=user).values("provider", "provider_customer_id")
        ),
    }


def _payment(payment: Payment) -> dict[str, Any]:
    return {
        "at": payment.created_at,
        "paid_at": payment.paid_at,
        "status": payment.status,
        "product": payment.product,
        "number": payment.number,
        "currency": payment.currency,
        "cents": payment.cents,
        "refunded_cents": payment.refunded_cents,
        "disputed_cents": payment.disputed_cents,
        "provider": payment.provider,
        "reference": payment.reference,
        "invoice": payment.invoice_id,
    }


def _grant(grant: Grant) -> dict[str, Any]:
    return {
        "at": grant.created_at,
        "unit": grant.wallet.unit,
        "source": grant.source,
        "amount": grant.amount,
        "remaining": grant.remaining,
        "refunded": grant.refunded,
        "expires_at": grant.expires_at,
        "reference": grant.reference,
        "note": grant.note,
    }


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
