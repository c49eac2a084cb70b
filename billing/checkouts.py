"""Checkout sessions: a plan is subscribed to, a product is bought once."""

from hashlib import sha256
from uuid import uuid4

from django.contrib.auth import get_user_model

from accounts.models import User
from billing import payments, subscriptions
from billing.models import Customer, Interval, Payment, Subscription
from billing.plans import Plan, Product
from billing.providers import gateway
from billing.providers.objects import CheckoutSession
from billing.providers.protocol import Gateway, Urls


class NoSuchCheckout(Exception):
    """The user has no such checkout session."""


def subscribe(user: User, plan: Plan, interval: Interval, *, urls: Urls) -> str:
    """The URL of the checkout page for `plan`. A repeated call returns the same, so nobody pays twice.

    Raises ProviderUnavailable.
    """
    provider = gateway()
    return provider.create_checkout(
        user,
        plan,
        interval,
        customer_id=_customer_of(user, provider),
        urls=urls,
        idempotency_key=subscription_key(user, plan, interval, urls=urls),
    )


def buy(user: User, product: Product, *, urls: Urls) -> str:
    """The URL of the checkout page for `product`. Raises ProviderUnavailable."""
    provider = gateway()
    return provider.create_purchase(
        user,
        product,
        customer_id=_customer_of(user, provider),
        urls=urls,
        idempotency_key=f"buy:{uuid4()}",
    )


def complete(user: User, *, checkout_id: str) -> Subscription | Payment | None:
    """Fulfil a checkout from the page after it, without waiting for the event. None if still unpaid.

    Raises NoSuchCheckout, ProviderUnavailable, Contended.
    """
    session = gateway().retrieve_checkout(checkout_id)
    if session is None or session.user_id != user.pk:
        raise NoSuchCheckout(checkout_id)
    return _fulfil(user, session)


def synchronize(checkout_id: str) -> None:
    """Fulfil a checkout after an event. Safe to repeat. Raises ProviderUnavailable, Contended."""
    session = gateway().retrieve_checkout(checkout_id)
    if session is not None and session.user_id is not None:
        _fulfil(get_user_model().objects.get(pk=session.user_id), session)


def subscription_key(user: User, plan: Plan, interval: Interval, *, urls: Urls) -> str:
    """The idempotency key of a checkout, the same until the user's subscription changes."""
    subscription = Subscription.objects.filter(user=user).first()
    version = subscription.version if subscription else 0
    # The provider refuses a key that comes again with other parameters.
    parameters = f"{plan.id}:{interval}:{plan.price(interval)}:{version}:{urls.success}"
    return f"checkout:{_key(user)}:{sha256(parameters.encode()).hexdigest()[:32]}"


def _fulfil(user: User, session: CheckoutSession) -> Subscription | Payment | None:
    if session.subscription_id is not None:
        return subscriptions.synchronize(session.subscription_id)
    if session.product and session.is_paid:
        return payments.record_purchase(user, session, provider=gateway().name)
    return None


def _customer_of(user: User, provider: Gateway) -> str:
    """The user's customer id at the provider, created on first use."""
    known = Customer.objects.filter(user=user, provider=provider.name).first()
    if known is not None:
        return known.provider_customer_id
    customer_id = provider.create_customer(
        user, idempotency_key=f"customer:{_key(user)}:{user.email}"
    )
    row, _is_new = Customer.objects.get_or_create(
        user=user, provider=provider.name, defaults={"provider_customer_id": customer_id}
    )
    return row.provider_customer_id


def _key(user: User) -> str:
    """Differs between two databases that share one account at the provider."""
    return f"{user.pk}-{user.date_joined.timestamp():.0f}"
