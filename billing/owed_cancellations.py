"""Cancellations that a change of plan withdraws, and that are owed to the customer unless the change is made.

A row is written before the withdrawal, so that a process that ends in between owes it, too.
"""

import logging
from typing import Any

from django.db.models import Q
from django.db.models.functions import Now

from billing.models import OwedCancellation, Subscription
from billing.payments import Contended
from billing.providers import gateway

log = logging.getLogger(__name__)

# The first attempt is that of the change itself, so more than one means that it or a retry has failed.
_FAILED = Q(attempts__gt=1) | ~Q(error="")
_RETRIED_NOW = Q(attempts__gt=1, error="", due_at__gt=Now())


def owe(subscription: Subscription, *, key: str) -> OwedCancellation:
    """Owe the cancellation to the customer, from the change with this key on."""
    row, _created = OwedCancellation.objects.update_or_create(
        subscription=subscription, defaults=_lease(key)
    )
    return row


def take_over(subscription: Subscription, *, key: str) -> None:
    """Lease what is owed to the change with this key, so that no retry runs beside it.

    Raises Contended during a retry: its call could reach the provider after those of the change.
    """
    owed = OwedCancellation.objects.filter(subscription=subscription)
    if not owed.exclude(_RETRIED_NOW).update(**_lease(key)) and owed.exists():
        raise Contended


def is_owed(subscription: Subscription) -> bool:
    """True if a change that failed has withdrawn a cancellation that has not returned yet."""
    return OwedCancellation.objects.filter(subscription=subscription).exists()


def forgive(subscription: Subscription, *, key: str) -> None:
    """Owe nothing any more, unless a later change owes it: the change with this key has settled it."""
    OwedCancellation.objects.filter(subscription=subscription, key=key).delete()


def drop(subscription: Subscription) -> None:
    """Owe nothing any more: the subscription has ended."""
    OwedCancellation.objects.filter(subscription=subscription).delete()


def failed() -> int:
    """The number of those that the provider has not taken, given up or not."""
    return OwedCancellation.objects.filter(_FAILED).count()


def retry(subscription_id: str) -> None:
    """Cancel again what is owed and due. Safe to repeat."""
    row = OwedCancellation.objects.claim(subscription_id, error="")
    if row is not None:
        pay(row)


def pay(row: OwedCancellation) -> None:
    """Cancel again. After an error, which is logged, the row is due again later."""
    subscription_id = row.subscription.provider_subscription_id
    try:
        cancel_again(row)
    except Exception as error:
        log.exception("subscription %s may renew, though its owner canceled it", subscription_id)
        row.postpone(error=f"{type(error).__name__}: {error}"[:500])


def cancel_again(row: OwedCancellation) -> None:
    """Cancel again, and owe nothing any more. Raises ProviderUnavailable."""
    # Part of the change's schedule may exist already.
    remote = gateway().retrieve_subscription(row.subscription.provider_subscription_id)
    # After a slow answer another process may have the row.
    if remote.is_live and row.is_current:
        key = f"{row.key}:cancel again:{row.attempts}"
        gateway().set_cancel_at_period_end(remote, cancel=True, idempotency_key=key)
    forgive(row.subscription, key=row.key)


def _lease(key: str) -> dict[str, Any]:
    """The fields of a row for the first attempt of a change. An earlier error stays."""
    return {"key": key, "due_at": Now() + OwedCancellation.LEASE, "attempts": 1}
