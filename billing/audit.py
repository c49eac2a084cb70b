"""Differences between our rows and the provider's objects, for an operator to look at."""

from collections.abc import Iterable, Iterator
from datetime import timedelta

from django.utils import timezone

from billing.models import Payment, Subscription, accounts
from billing.providers import gateway
from billing.providers.objects import Invoice, ProviderSubscription, Returned
from billing.providers.protocol import Gateway, NoSuchObject

# Older purchases and refunds are not compared.
LOOK_BACK = timedelta(days=120)


def audit() -> Iterator[str]:
    """Yields every difference as a sentence. Makes a few calls to the provider for each subscription.

    Raises ProviderUnavailable.
    """
    provider = gateway()
    for remote in provider.all_subscriptions():
        if remote.user_id is not None:
            yield from _subscription(remote)
            yield from _invoices(remote, provider.invoices(remote.id))
    yield from _purchases(provider)
    yield from _returned(provider)


def _subscription(remote: ProviderSubscription) -> Iterator[str]:
    row = Subscription.objects.filter(provider_subscription_id=remote.id).first()
    if row is None:
        if remote.is_live:
            yield f"{remote.id}: user {remote.user_id} pays for it, and we don't know it"
        return
    pairs = {
        "plan": (row.plan, remote.price.plan),
        "interval": (row.interval, remote.price.interval),
        "status": (row.status, remote.status),
        "period's end": (row.current_period_end, remote.period_end),
        "cancellation": (row.cancel_at_period_end, remote.cancel_at_period_end),
    }
    for name, (ours, theirs) in pairs.items():
        if ours != theirs:
            yield f"{remote.id}: the {name} is {ours} here and {theirs} there"


def _invoices(remote: ProviderSubscription, invoices: Iterable[Invoice]) -> Iterator[str]:
    known = {
        payment.reference: payment
        for payment in Payment.objects.filter(provider_subscription_id=remote.id)
    }
    for invoice in invoices:
        payment = known.get(invoice.id)
        if payment is None:
            yield f"{invoice.id} of {remote.id}: it is not known here"
        elif (payment.status, payment.cents) != (invoice.status, invoice.cents):
            yield (
                f"{invoice.id} of {remote.id}: {payment.cents} {payment.status} here, "
                f"{invoice.cents} {invoice.status} there"
            )


def _purchases(provider: Gateway) -> Iterator[str]:
    for session in provider.checkouts_since(timezone.now() - LOOK_BACK):
        is_ours = session.user_id is not None and session.product and session.is_paid
        if is_ours and not Payment.objects.filter(reference=session.id).exists():
            yield f"{session.id}: {session.product} was paid there, and not given here"


def _returned(provider: Gateway) -> Iterator[str]:
    since = timezone.now() - LOOK_BACK
    paid = Payment.objects.filter(
        accounts.may_be(provider.account),
        provider=provider.name,
        status=Payment.Status.PAID,
        created_at__gt=since,
    ).exclude(payment_intent_id="")
    for payment in paid.order_by("pk").iterator():
        there = _returned_there(provider, payment)
        if there and (payment.refunded_cents, payment.disputed_cents) != (
            there.refunded,
            there.disputed,
        ):
            yield (
                f"{payment.reference}: {payment.returned_cents} were returned here, "
                f"{there.refunded + there.disputed} there"
            )


def _returned_there(provider: Gateway, payment: Payment) -> Returned | None:
    """None if the payment, made by an earlier release, is of another account than the present one."""
    try:
        return provider.returned(payment.payment_intent_id)
    except NoSuchObject:
        if payment.account:
            raise
        return None
