"""The trial, and subscriptions as the provider has them; the only writer of subscriptions.

Every event, page and button ends in `synchronize`, which reads the provider's objects again. It is safe to
call at any time, any number of times, in any order.
"""

import logging
from collections.abc import Sequence
from hashlib import sha256

from django.contrib.auth import get_user_model
from django.db import transaction

from accounts.models import User
from billing import ledger, owed_cancellations, payments
from billing.models import LIVE, Customer, Grant, Subscription, Unit, accounts
from billing.payments import TRIES, Contended
from billing.plans import PLANS, TRIAL
from billing.providers import gateway
from billing.providers.objects import Invoice, ProviderSubscription
from billing.providers.protocol import Gateway, ProviderRefused, ProviderUnavailable

log = logging.getLogger(__name__)


def start_trial(user: User, *, email: str) -> Grant | None:
    """Grant the trial's minutes; None if the user or the (confirmed) address had them before.

    The grant's reference is a hash of the address, so a deleted account counts as well.
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


def synchronize(provider_subscription_id: str) -> Subscription | None:
    """Update our row and grants from the provider's objects; None if our checkout did not make them.

    No transaction is open during the provider's calls. The row is written only if its version is still
    the one from before the calls, so older answers never overwrite newer ones.
    Raises ProviderUnavailable, Contended.
    """
    provider = gateway()
    remote = provider.retrieve_subscription(provider_subscription_id)
    if remote.user_id is None or remote.price.plan not in PLANS:
        log.warning("subscription %s was not made by our checkout", remote.id)
        return None
    for _try in range(TRIES):
        row = _row_for(remote.user_id, remote, provider=provider)
        if _is_live_at(provider, row) and row.provider_subscription_id != remote.id:
            # It may have ended, and its event may be late.
            synchronize(row.provider_subscription_id)
            row.refresh_from_db()
        remote = provider.retrieve_subscription(provider_subscription_id)
        invoices = provider.invoices(provider_subscription_id)
        next_cents = provider.next_invoice_cents(remote)
        if _write(row, remote, invoices, next_cents=next_cents, provider=provider):
            row.refresh_from_db()
            return row
    raise Contended


def live(user: User) -> Subscription | None:
    """The user's live subscription, unless it is in another account of the provider than the present one.

    The provider that now takes the payments knows nothing of that.
    """
    row = _live_row(user)
    return row if row and may_be_known(row) else None


def may_be_known(row: Subscription) -> bool:
    """False if the row's ids are of another provider or account than the present one."""
    provider = gateway()
    try:
        return _is_at(provider, row)
    except ProviderUnavailable:
        # What needs the provider will say so.
        return row.provider == provider.name


def is_elsewhere(row: Subscription) -> bool:
    """True if the row's ids are certainly of another provider or account than the present one.

    Raises ProviderUnavailable if that is uncertain.
    """
    provider = gateway()
    if _is_at(provider, row):
        return False
    is_same_provider = row.provider == provider.name
    if is_same_provider and not accounts.are_certain(row.account, provider.account):
        raise ProviderRefused
    return True


def look_again(user: User, *, has_gone_to_pay: bool) -> bool:
    """Synchronize a subscription that waits for a payment, which the customer may just have made.

    Leaves the row as it is while the provider cannot be asked. True if it waited.
    """
    row = _live_row(user)
    if row is None or not (row.awaits_confirmation or (has_gone_to_pay and row.is_past_due)):
        return False
    # This may ask the provider, so it comes last.
    if not may_be_known(row):
        return False
    try:
        synchronize(row.provider_subscription_id)
    except (ProviderUnavailable, Contended) as error:
        log.info("subscription %s is shown as it was: %s", row.provider_subscription_id, error)
    return True


def _live_row(user: User) -> Subscription | None:
    return Subscription.objects.filter(user=user, status__in=LIVE).first()


def _row_for(user_id: int, remote: ProviderSubscription, *, provider: Gateway) -> Subscription:
    """The user's row, created with the first subscription."""
    assert remote.price.plan is not None, "a foreign subscription is left alone"
    row, _created = Subscription.objects.get_or_create(
        user_id=user_id,
        defaults={
            "plan": remote.price.plan,
            "provider": provider.name,
            "account": provider.account,
            "provider_subscription_id": remote.id,
            "current_period_start": remote.period_start,
            "current_period_end": remote.period_end,
        },
    )
    return row


@transaction.atomic
def _write(
    row: Subscription,
    remote: ProviderSubscription,
    invoices: Sequence[Invoice],
    *,
    next_cents: int | None,
    provider: Gateway,
) -> bool:
    """Store the provider's answers; False if another process wrote the row since `row` was read."""
    as_it_was = Subscription.objects.filter(pk=row.pk, version=row.version)
    fields = _fields(remote, provider=provider) if _shows(row, remote, provider=provider) else {}
    if fields:
        fields["next_invoice_cents"] = next_cents
    if not as_it_was.update(**fields, version=row.version + 1):
        return False
    if fields and (row.provider_subscription_id != remote.id or not remote.is_live):
        # A retry would cancel the next plan.
        owed_cancellations.drop(row)
    # A user has one customer for all later checkouts.
    at = {"provider": provider.name, "account": provider.account}
    if not Customer.objects.in_account(**at).filter(user=row.user).exists():
        Customer.objects.get_or_create(
            user=row.user, **at, defaults={"provider_customer_id": remote.customer_id}
        )
    # The oldest first, in the order of their payment.
    payments.record_invoices(row.user, invoices[::-1], remote, **at)
    return True


def _shows(row: Subscription, remote: ProviderSubscription, *, provider: Gateway) -> bool:
    """True if the row already shows `remote`, or if `remote` is the user's newer subscription."""
    if row.provider_subscription_id == remote.id:
        return True
    if not _is_live_at(provider, row):
        return remote.is_live or remote.period_end > row.current_period_end
    if remote.is_live:
        log.error("user %s pays for %s beside the one we know", row.user_id, remote.id)
    return False


def _is_live_at(provider: Gateway, row: Subscription) -> bool:
    """A subscription at another provider or in another account than the current one counts as ended."""
    return row.is_live and _is_at(provider, row)


def _is_at(provider: Gateway, row: Subscription) -> bool:
    return row.provider == provider.name and accounts.may_be_same(row.account, provider.account)


def _fields(remote: ProviderSubscription, *, provider: Gateway) -> dict[str, object]:
    ahead = remote.next_price
    return {
        "plan": remote.price.plan,
        "interval": remote.price.interval,
        "status": remote.status,
        "provider": provider.name,
        "account": provider.account,
        "provider_customer_id": remote.customer_id,
        "provider_subscription_id": remote.id,
        "currency": remote.currency,
        "price_cents": remote.price.amounts[remote.currency],
        "current_period_start": remote.period_start,
        "current_period_end": remote.period_end,
        "cancel_at_period_end": remote.cancel_at_period_end,
        "awaits_confirmation": remote.awaits_confirmation,
        "next_plan": (ahead.plan or "") if ahead else "",
        "next_interval": ahead.interval if ahead else "",
    }
