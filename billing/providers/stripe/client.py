"""Connections to Stripe's API, and its errors as the gateway's exceptions."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache, cached_property
from typing import Any

import stripe
from django.conf import settings

from billing.providers.objects import Price, ProviderSubscription
from billing.providers.protocol import (
    CardDeclined,
    NoSuchCustomer,
    NoSuchObject,
    ProviderRefused,
    ProviderUnavailable,
)
from billing.providers.stripe import catalogue
from billing.providers.stripe import json as stripe_json

log = logging.getLogger(__name__)

API_VERSION = "2026-10-28.endive"
TIMEOUT_SECONDS = 10
PAGE = 100
# Another try of the same request ends the same way.
REFUSALS = (
    stripe.InvalidRequestError,
    stripe.IdempotencyError,
    stripe.AuthenticationError,
    stripe.PermissionError,
)


@cache
def client(key: str, address: str) -> stripe.StripeClient:
    """One client for each key, because each keeps its connections."""
    return stripe.StripeClient(
        key,
        stripe_version=API_VERSION,
        base_addresses={"api": address} if address else {},
        max_network_retries=2,
        http_client=stripe.RequestsClient(timeout=TIMEOUT_SECONDS),
    )


@contextmanager
def translated_errors() -> Iterator[None]:
    """Raises Stripe's errors as CardDeclined, NoSuchObject, ProviderRefused or ProviderUnavailable."""
    try:
        yield
    except stripe.CardError as error:
        raise CardDeclined from error
    except REFUSALS as error:
        log.warning("Stripe refused a request: %s", error)
        raise _refusal(error) from error
    except stripe.StripeError as error:
        raise ProviderUnavailable from error
    except catalogue.NotSynchronized as error:
        log.error("%s", error)  # noqa: TRY400  # the message says what to do, the traceback nothing
        raise ProviderRefused from error


@cache
def account_id(key: str, address: str) -> str:
    """The id of the key's account. Asks until there is an answer; raises ProviderUnavailable."""
    with translated_errors():
        return client(key, address).v1.accounts.retrieve_current().id


def account_of(key: str, address: str) -> str:
    """The key's account and mode: customers of test mode are unknown in live mode.

    The mode alone if the key may not read the account. Raises ProviderUnavailable.
    """
    mode = "live" if "_live_" in key else "test"
    try:
        return f"{account_id(key, address)} {mode}"
    except ProviderRefused as error:
        # An expired key says nothing about the account that its ids belong to.
        if isinstance(error.__cause__, stripe.PermissionError):
            return mode
        raise


def _refusal(error: stripe.StripeError) -> ProviderRefused:
    if error.code != "resource_missing":
        return ProviderRefused()
    is_customer = getattr(error, "param", None) == "customer"
    return NoSuchCustomer() if is_customer else NoSuchObject()


def plain(found: stripe.StripeObject) -> dict[str, Any]:
    return found.to_dict(for_json=True)


class Connection:
    """The client, the prices read so far, and the release of a schedule, which every change needs."""

    def __init__(self, key: str) -> None:
        self._stripe = client(key, settings.STRIPE_API_URL).v1
        self._key = key
        self._price = cache(self._retrieve_price)

    @cached_property
    def account(self) -> str:
        return account_of(self._key, settings.STRIPE_API_URL)

    def _release(self, remote: ProviderSubscription, *, idempotency_key: str) -> None:
        """Take the subscription off its schedule: Stripe refuses changes while it is on one."""
        if remote.schedule_id is None:
            return
        with translated_errors():
            self._stripe.subscription_schedules.release(
                remote.schedule_id, {}, {"idempotency_key": f"{idempotency_key}:release"}
            )

    def _retrieve_price(self, price_id: str) -> Price:
        price = self._stripe.prices.retrieve(price_id, {"expand": ["currency_options"]})
        return stripe_json.price(plain(price))
