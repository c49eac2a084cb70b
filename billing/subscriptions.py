"""Activate, cancel, resume, change: the only writer of subscriptions and of the minutes that they bring.

The provider decides what a subscription is; our row follows. Whatever happens (an event, a landing page,
a button), it ends in `synchronize`, which re-reads the provider's objects and is safe to call at any
time, any number of times, in any order.
"""

import logging
from collections.abc import Sequence
from hashlib import sha256
from typing import TYPE_CHECKING

from django.contrib.auth import get_user_model
from django.db import transaction
from django.utils.translation import gettext as _

from billing import ledger, signals
from billing.gateway import gateway
from billing.models import Grant, Subscription, Unit
from billing.plans import PLANS, TRIAL, Plan
from billing.stripe_objects import PaidInvoice, Payment, ProviderSubscription

if TYPE_CHECKING:
    from accounts.models import User

log = logging.getLogger(__name__)

# Each failed try means that somebody else wrote the row meanwhile.
TRIES = 5


class NotSubscribed(Exception):
    def __init__(self) -> None:
        super().__init__(_("You have no subscription that could be changed."))


class NoSuchCheckout(Exception):
    """There is no such checkout session of this user."""


class Contended(Exception):
    """Others kept writing the subscription; the same call again will do."""

    def __init__(self) -> None:
        super().__init__(_("Your subscription is being updated. Please try again in a moment."))


def start_trial(user: "User", *, email: str) -> Grant | None:
    """Give the trial's minutes; None if the user or the (confirmed) address had them before.

    The address counts although its account was deleted: the grant's reference is made from it.
    """
    if not TRIAL.gpu_ms:
        return None
    address = sha256(email.strip().casefold().encode()).hexdigest()
    with transaction.atomic():
        get_user_model().objects.select_for_update().get(pk=user.pk)
        if Grant.objects.filter(wallet__user=user, source=Grant.Source.TRIAL).exists():
            return None
        if Grant.objects.filter(reference=f"trial:{address}").exists():
            return None
        return ledger.grant(
            user,
            unit=Unit.GPU_MS,
            amount=TRIAL.gpu_ms,
            source=Grant.Source.TRIAL,
            reference=f"trial:{address}",
        )


def checkout_key(user: "User", plan: Plan) -> str:
    """The idempotency key of a checkout: the same until the user's subscription has changed."""
    subscription = Subscription.objects.filter(user=user).first()
    return f"checkout:{user.pk}:{plan.id}:{subscription.version if subscription else 0}"


def activate(user: "User", *, checkout_id: str) -> Subscription | None:
    """What the page after paying calls, so that nobody waits for an event. None if it is not paid yet.

    Raises NoSuchCheckout, ProviderUnavailable, Contended.
    """
    session = gateway().retrieve_checkout(checkout_id)
    if session is None or session.user_id != user.pk:
        raise NoSuchCheckout(checkout_id)
    if session.subscription_id is None:
        return None
    return synchronize(session.subscription_id)


def cancel(user: "User") -> Subscription | None:
    """End the user's subscription with its period. Raises NotSubscribed, ProviderUnavailable."""
    return _set_cancel_at_period_end(_get_live_subscription(user), cancel=True)


def end_now(user: "User") -> None:
    """End what the provider still charges for, at once: the account is being deleted. Safe to repeat.

    Raises ProviderUnavailable, Contended.
    """
    subscription = Subscription.objects.filter(user=user).first()
    if subscription is None:
        return
    # Has it ended, or begun, without our hearing of it?
    known = synchronize(subscription.provider_subscription_id)
    if known is None or not known.is_live:
        return
    gateway().end(known.provider_subscription_id, idempotency_key=_key(known, "end"))
    synchronize(known.provider_subscription_id)


def resume(user: "User") -> Subscription | None:
    """Take a cancellation back before it took effect. Raises NotSubscribed, ProviderUnavailable."""
    return _set_cancel_at_period_end(_get_live_subscription(user), cancel=False)


def change(user: "User", plan: Plan) -> Subscription | None:
    """Move to `plan` at once; money and minutes are prorated. Raises NotSubscribed, ProviderUnavailable."""
    subscription = _get_live_subscription(user)
    gateway().change_plan(
        subscription.provider_subscription_id, plan, idempotency_key=_key(subscription, plan.id)
    )
    return synchronize(subscription.provider_subscription_id)


def synchronize(provider_subscription_id: str) -> Subscription | None:
    """Make our row and grants what the provider's objects say now; None if they are not of our making.

    No transaction is open while the provider is asked. Instead the row's version is read before, and
    the row is written only if it still has that version: so nothing is overwritten by older news.
    Raises ProviderUnavailable, Contended.
    """
    provider = gateway()
    remote = provider.retrieve_subscription(provider_subscription_id)
    if remote.user_id is None:
        log.warning("subscription %s was not made by our checkout", remote.id)
        return None
    for _try in range(TRIES):
        row = _row_for(remote.user_id, remote, provider=provider.name)
        if row.is_live and row.provider_subscription_id != remote.id:
            # Has that one ended without our hearing of it?
            synchronize(row.provider_subscription_id)
            row.refresh_from_db()
        remote = provider.retrieve_subscription(provider_subscription_id)
        invoices = provider.paid_invoices(provider_subscription_id)
        if _write(row, remote, invoices):
            row.refresh_from_db()
            return row
    raise Contended


def _get_live_subscription(user: "User") -> Subscription:
    subscription = Subscription.objects.filter(user=user).first()
    if subscription is None or not subscription.is_live:
        raise NotSubscribed
    return subscription


def _set_cancel_at_period_end(subscription: Subscription, *, cancel: bool) -> Subscription | None:
    gateway().set_cancel_at_period_end(
        subscription.provider_subscription_id,
        cancel=cancel,
        idempotency_key=_key(subscription, "cancel" if cancel else "resume"),
    )
    return synchronize(subscription.provider_subscription_id)


def _key(subscription: Subscription, verb: str) -> str:
    """The same for a repeated call, another once the call took effect."""
    return f"{subscription.provider_subscription_id}:{verb}:{subscription.version}"


def _row_for(user_id: int, remote: ProviderSubscription, *, provider: str) -> Subscription:
    """The user's row, made if this is the first that we hear of a subscription of theirs."""
    row, _created = Subscription.objects.get_or_create(
        user_id=user_id,
        defaults={
            "plan": remote.plan,
            "provider": provider,
            "provider_customer_id": remote.customer_id,
            "provider_subscription_id": remote.id,
            "current_period_start": remote.period_start,
            "current_period_end": remote.period_end,
        },
    )
    return row


@transaction.atomic
def _write(
    row: Subscription, remote: ProviderSubscription, invoices: Sequence[PaidInvoice]
) -> bool:
    """Write what was read since `row` was; False if somebody else wrote the row meanwhile."""
    as_it_was = Subscription.objects.filter(pk=row.pk, version=row.version)
    news = _news(row, remote) if _concerns(row, remote) else {}
    if not as_it_was.update(**news, version=row.version + 1):
        return False
    for invoice in invoices:
        _grant_minutes(row.user, invoice)
        _tell_paid(row.user, invoice)
    if news.get("status") == Subscription.Status.PAST_DUE:
        _tell_renewal_failed(row, remote)
    return True


def _concerns(row: Subscription, remote: ProviderSubscription) -> bool:
    """Whether the row should show `remote`: it does already, or that is the user's newer subscription."""
    if row.provider_subscription_id == remote.id:
        return True
    if row.is_live and remote.is_live:
        log.error("user %s pays for %s beside the one we know", row.user_id, remote.id)
    if row.is_live:
        return False
    return remote.is_live or remote.period_end > row.current_period_end


def _news(row: Subscription, remote: ProviderSubscription) -> dict[str, object]:
    return {
        "plan": remote.plan,
        "status": remote.status,
        "provider_customer_id": remote.customer_id,
        "provider_subscription_id": remote.id,
        "current_period_start": remote.period_start,
        "current_period_end": remote.period_end,
        "cancel_at_period_end": remote.cancel_at_period_end,
    }


def _grant_minutes(user: "User", invoice: PaidInvoice) -> None:
    """Give what the invoice paid for, once for each of its lines; expires with the line's period.

    After a change of plan a credit for the old plan stands beside the charge for the new one.
    """
    for line in invoice.lines:
        credits = (
            other.share(PLANS[other.price.plan].gpu_ms)
            for other in invoice.lines
            if other.cents < 0 and other.period_end == line.period_end
        )
        amount = line.share(PLANS[line.price.plan].gpu_ms) + sum(credits)
        if line.cents <= 0 or amount <= 0:
            continue
        ledger.grant(
            user,
            unit=Unit.GPU_MS,
            amount=amount,
            source=Grant.Source.PLAN,
            reference=f"invoice:{invoice.id}:{line.id}",
            expires_at=line.period_end,
        )


def _tell_paid(user: "User", invoice: PaidInvoice) -> None:
    payment = Payment(
        reference=invoice.id,
        product=max(invoice.lines, key=lambda line: line.cents).price.plan,
        number=invoice.number,
        cents=invoice.cents,
        paid_at=invoice.paid_at,
    )
    # Whatever becomes of the letter, the minutes are given.
    signals.invoice_paid.send_robust(sender=Subscription, user=user, payment=payment)


def _tell_renewal_failed(row: Subscription, remote: ProviderSubscription) -> None:
    payment = Payment(
        reference=f"{remote.id}:{remote.period_start:%Y%m%d}",
        product=remote.plan,
        number="",
        cents=PLANS[remote.plan].price_cents,
        paid_at=None,
    )
    row.refresh_from_db()
    signals.renewal_failed.send_robust(
        sender=Subscription, user=row.user, payment=payment, subscription=row
    )
