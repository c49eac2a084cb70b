"""Cancellations that a change of plan withdraws, and that are owed to the customer unless the change is made.

A row is written before the withdrawal, so that a process that ends in between owes it, too.
"""

import logging

from django.db.models.functions import Now

from billing.models import OwedCancellation, Subscription
from billing.providers import gateway
from billing.providers.protocol import ProviderUnavailable

log = logging.getLogger(__name__)


def owe(subscription: Subscription, *, key: str) -> OwedCancellation:
    """Owe the cancellation to the customer, from the change with this key on."""
    due_at = Now() + OwedCancellation.LEASE
    row, _created = OwedCancellation.objects.update_or_create(
        subscription=subscription,
        # The first attempt is that of the change itself.
        defaults={"key": key, "due_at": due_at, "attempts": 1, "error": ""},
    )
    return row


def is_owed(subscription: Subscription) -> bool:
    """True if a change that failed has withdrawn a cancellation that has not returned yet."""
    return OwedCancellation.objects.filter(subscription=subscription).exists()


def forgive(subscription: Subscription) -> None:
    """Owe nothing any more: the customer has decided otherwise since."""
    OwedCancellation.objects.filter(subscription=subscription).delete()


def failed() -> int:
    """The number of those that the provider has not taken, given up or not."""
    return OwedCancellation.objects.exclude(error="").count()


def retry(subscription_id: str) -> None:
    """Cancel again what is owed and due. Safe to repeat."""
    row = OwedCancellation.objects.claim(subscription_id)
    if row is not None:
        pay(row)


def pay(row: OwedCancellation) -> None:
    """Cancel again. Without an answer of the provider, the row is due again later."""
    subscription_id = row.subscription.provider_subscription_id
    try:
        # Part of the change's schedule may exist already.
        remote = gateway().retrieve_subscription(subscription_id)
        # The customer may have decided otherwise while the provider answered.
        if remote.is_live and row.is_current:
            key = f"{row.key}:cancel again:{row.attempts}"
            gateway().set_cancel_at_period_end(remote, cancel=True, idempotency_key=key)
    except ProviderUnavailable as error:
        log.exception("subscription %s may renew, though its owner canceled it", subscription_id)
        row.postpone(error=f"{type(error).__name__}: {error}"[:500])
        return
    OwedCancellation.objects.filter(pk=row.pk, key=row.key).delete()
