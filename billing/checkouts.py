"""Checkout sessions: a plan is subscribed to, a product is bought once."""

import logging
from collections.abc import Callable
from functools import partial
from hashlib import sha256
from uuid import uuid4

from django.contrib.auth import get_user_model

from accounts.models import User
from billing import payments, subscriptions
from billing.models import Customer, Interval, Payment, Subscription
from billing.plans import Plan, Product
from billing.providers import gateway
from billing.providers.objects import CheckoutSession
from billing.providers.protocol import Gateway, NoSuchCustomer, Urls

log = logging.getLogger(__name__)


class NoSuchCheckout(Exception):
    """The user has no such checkout session."""


def subscribe(user: User, plan: Plan, interval: Interval, *, urls: Urls) -> str:
    """The URL of the checkout page for `plan`. A repeated call returns the same, so nobody pays twice.

    Raises ProviderUnavailable.
    """
    provider = gateway()

    def open_for(customer_id: str) -> str:
        key = subscription_key(user, plan, interval, urls=urls, customer_id=customer_id)
        return provider.create_checkout(
            user, plan, interval, customer_id=customer_id, urls=urls, idempotency_key=key
        )

    return _with_customer(user, provider, open_for)


def buy(user: User, product: Product, *, urls: Urls) -> str:
    """The URL of the checkout page for `product`. Raises ProviderUnavailable."""
    provider = gateway()

    def open_for(customer_id: str) -> str:
        key = f"buy:{uuid4()}"
        return provider.create_purchase(
            user, product, customer_id=customer_id, urls=urls, idempotency_key=key
        )

    return _with_customer(user, provider, open_for)


def open_portal(user: User, *, return_url: str) -> str:
    """The URL of the provider's page for the card and the invoice address. Raises ProviderUnavailable."""
    provider = gateway()
    return _with_customer(user, provider, partial(provider.create_portal, return_url=return_url))


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


def subscription_key(
    user: User, plan: Plan, interval: Interval, *, urls: Urls, customer_id: str
) -> str:
    """The idempotency key of a checkout, the same until the user's subscription changes."""
    subscription = Subscription.objects.filter(user=user).first()
    version = subscription.version if subscription else 0
    # The provider refuses a key that comes again with other parameters.
    parameters = (
        f"{plan.id}:{interval}:{plan.price(interval)}:{version}:{urls.success}:{customer_id}"
    )
    return f"checkout:{_key(user)}:{sha256(parameters.encode()).hexdigest()[:32]}"


def _fulfil(user: User, session: CheckoutSession) -> Subscription | Payment | None:
    if session.subscription_id is not None:
        return subscriptions.synchronize(session.subscription_id)
    if session.product and session.is_paid:
        provider = gateway()
        return payments.record_purchase(
            user, session, provider=provider.name, account=provider.account
        )
    return None


def _with_customer(user: User, provider: Gateway, call: Callable[[str], str]) -> str:
    """Call with the user's customer id; with a new customer if the provider no longer knows that one."""
    row = _customer_of(user, provider)
    try:
        return call(row.provider_customer_id)
    except NoSuchCustomer:
        log.warning("%s has no customer %s: another is made", provider.name, row)
        return call(_replace(row, provider))


def _customer_of(user: User, provider: Gateway) -> Customer:
    """The user's customer at the provider, created on first use."""
    at = {"provider": provider.name, "account": provider.account}
    customers = Customer.objects.in_account(**at).filter(user=user)
    if known := customers.first():
        return known
    customer_id = _create(user, provider)
    row, _is_new = Customer.objects.get_or_create(
        user=user, **at, defaults={"provider_customer_id": customer_id}
    )
    return row


def _replace(row: Customer, provider: Gateway) -> str:
    """Give the row a new customer, unless another process did; returns its id."""
    lost = row.provider_customer_id
    customer_id = _create(row.user, provider, instead_of=lost)
    as_it_was = Customer.objects.filter(pk=row.pk, provider_customer_id=lost)
    as_it_was.update(provider_customer_id=customer_id, account=provider.account)
    row.refresh_from_db()
    return row.provider_customer_id


def _create(user: User, provider: Gateway, *, instead_of: str = "") -> str:
    # The provider would give the lost customer's id again under that one's key.
    key = f"customer:{_key(user)}:{user.email}:{instead_of}"
    return provider.create_customer(user, idempotency_key=key)


def _key(user: User) -> str:
    """Differs between two databases that share one account at the provider."""
    return f"{user.pk}-{user.date_joined.timestamp():.0f}"
