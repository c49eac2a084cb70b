"""The catalogue at Stripe: products, prices, the portal's configuration and the webhook endpoint.

A price never changes. A change makes another price with another lookup key, and archives the old one: its
subscribers keep its amount and its minutes.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from django.conf import settings
from django.urls import reverse
from django.utils.translation import override

from billing import money
from billing.models import Interval
from billing.plans import PLANS, PRODUCTS, Plan, Product
from billing.providers.stripe import events

if TYPE_CHECKING:
    from stripe import StripeObject, V1Services
    from stripe.billing_portal import Configuration
    from stripe.params import (
        PriceCreateParams,
        ProductCreateParams,
        ProductUpdateParams,
        WebhookEndpointCreateParams,
        WebhookEndpointUpdateParams,
    )

# Marks our objects in the operator's account.
APP = "sdsite"
PAGE = 100


class NotSynchronized(Exception):
    """Stripe lacks a price: `manage.py stripe_sync` was not run since the catalogue changed."""


@dataclass(frozen=True)
class Item:
    """A plan for an interval, or a product."""

    sold: Plan | Product
    interval: Interval | None = None

    @property
    def cents(self) -> int:
        if isinstance(self.sold, Plan):
            assert self.interval is not None
            return self.sold.price(self.interval)
        return self.sold.price_cents

    @property
    def amounts(self) -> dict[str, int]:
        """The price in each currency, the site's own first."""
        currencies = (settings.CURRENCY, *settings.CURRENCY_RATES)
        return {currency: money.in_currency(self.cents, currency) for currency in currencies}

    @property
    def metadata(self) -> dict[str, str]:
        if isinstance(self.sold, Plan):
            return {"plan": self.sold.id, "gpu_minutes": str(self.sold.gpu_minutes)}
        return {"product": self.sold.id, "amount": str(self.sold.amount)}

    @property
    def lookup_key(self) -> str:
        """Contains everything that a customer agrees to, so that any change makes another price."""
        contents = "-".join(self.metadata.values())
        amounts = "-".join(f"{currency}{cents}" for currency, cents in self.amounts.items())
        return f"{APP}-{contents}-{self.interval or 'once'}-{amounts}-{settings.TAX_BEHAVIOR}"


def items() -> Iterator[Item]:
    """Every plan in every interval, and every product."""
    for plan in PLANS.values():
        yield from (Item(plan, interval) for interval in Interval)
    yield from (Item(product) for product in PRODUCTS.values())


def price_id(client: "V1Services", sold: Plan | Product, interval: Interval | None = None) -> str:
    """The id of the price at Stripe. Raises NotSynchronized."""
    key = Item(sold, interval).lookup_key
    for known in client.prices.list({"lookup_keys": [key], "active": True}).data:
        return known.id
    raise NotSynchronized(f"Stripe has no price {key}: run manage.py stripe_sync.")


def portal(client: "V1Services") -> "Configuration | None":
    """The portal's configuration; None before the first synchronization."""
    found = client.billing_portal.configurations.list({"active": True, "limit": PAGE})
    return next((each for each in found.data if _metadata(each).get("app") == APP), None)


def synchronize(client: "V1Services", *, api_version: str) -> Iterator[str]:
    """Make Stripe's objects equal to the catalogue; yields a line for each. Safe to repeat."""
    catalogue: tuple[Plan | Product, ...] = (*PLANS.values(), *PRODUCTS.values())
    for sold in catalogue:
        yield from _product(client, sold)
    for item in items():
        yield from _price(client, item)
    yield from _archived(client)
    yield from _portal(client)
    yield from _webhook(client, api_version=api_version)


def _product_id(sold: Plan | Product) -> str:
    return f"{APP}-{sold.id}"


def _name(sold: Plan | Product) -> str:
    # Every invoice shows it, so it has one language.
    with override(settings.LANGUAGE_CODE):
        return f"{settings.SITE_NAME} {sold.name}"


def _product(client: "V1Services", sold: Plan | Product) -> Iterator[str]:
    product_id = _product_id(sold)
    name, is_taxed = _name(sold), settings.STRIPE_TAX
    wanted: ProductUpdateParams = {"name": name, "active": True}
    if is_taxed:
        wanted["tax_code"] = settings.STRIPE_TAX_CODE
    known = {each.id: each for each in client.products.list({"ids": [product_id]}).data}
    if product_id not in known:
        params: ProductCreateParams = {"id": product_id, "name": name, "metadata": {"app": APP}}
        if is_taxed:
            params["tax_code"] = settings.STRIPE_TAX_CODE
        client.products.create(params)
        yield f"created product {product_id}"
    elif _differs(known[product_id], wanted):
        client.products.update(product_id, wanted)
        yield f"updated product {product_id}"
    else:
        yield f"kept product {product_id}"


def _price(client: "V1Services", item: Item) -> Iterator[str]:
    key = item.lookup_key
    known = client.prices.list({"lookup_keys": [key]}).data
    if not known:
        client.prices.create(_price_params(item))
        yield f"created price {key}"
    elif not known[0].active:
        client.prices.update(known[0].id, {"active": True})
        yield f"brought back price {key}"
    else:
        yield f"kept price {key}"


def _price_params(item: Item) -> "PriceCreateParams":
    (currency, cents), *others = item.amounts.items()
    params: PriceCreateParams = {
        "product": _product_id(item.sold),
        "currency": currency,
        "unit_amount": cents,
        "lookup_key": item.lookup_key,
        "metadata": item.metadata,
        "tax_behavior": settings.TAX_BEHAVIOR,
    }
    if item.interval:
        params["recurring"] = {"interval": item.interval.value}
    if others:
        params["currency_options"] = {
            other: {"unit_amount": amount, "tax_behavior": settings.TAX_BEHAVIOR}
            for other, amount in others
        }
    return params


def _archived(client: "V1Services") -> Iterator[str]:
    """Archive the prices that are no longer in the catalogue."""
    sold = {item.lookup_key for item in items()}
    for price in client.prices.list({"active": True, "limit": PAGE}).auto_paging_iter():
        key = price.lookup_key or ""
        if key.startswith(f"{APP}-") and key not in sold:
            client.prices.update(price.id, {"active": False})
            yield f"archived price {key}; who has it keeps it"


def _portal(client: "V1Services") -> Iterator[str]:
    # Our own pages change and cancel plans: they show the minutes, too.
    features: Any = {
        "customer_update": {"enabled": True, "allowed_updates": ["name", "address", "tax_id"]},
        "invoice_history": {"enabled": True},
        "payment_method_update": {"enabled": True},
        "subscription_cancel": {"enabled": False},
        "subscription_update": {"enabled": False},
    }
    known = portal(client)
    if known is None:
        client.billing_portal.configurations.create(
            {"features": features, "metadata": {"app": APP}}
        )
        yield "created the customer portal's configuration"
    elif _differs(known, {"features": features}):
        client.billing_portal.configurations.update(known.id, {"features": features})
        yield "updated the customer portal's configuration"
    else:
        yield "kept the customer portal's configuration"


def _webhook(client: "V1Services", *, api_version: str) -> Iterator[str]:
    url = settings.SITE_URL.rstrip("/") + reverse("billing:webhook")
    if urlsplit(url).hostname in {"127.0.0.1", "localhost"}:
        yield f"no webhook endpoint: Stripe cannot reach {url}. Forward: stripe listen --forward-to {url}"
        return
    wanted: Any = sorted(events.EVENT_TYPES)
    endpoints = client.webhook_endpoints.list({"limit": PAGE}).auto_paging_iter()
    known = [each for each in endpoints if each.url == url]
    current = next((each for each in known if each.api_version == api_version), None)
    if current is None:
        asked: Any = {"url": url, "enabled_events": wanted, "api_version": api_version}
        params: WebhookEndpointCreateParams = asked
        made = client.webhook_endpoints.create(params)
        yield f"created webhook endpoint {url}: set STRIPE_WEBHOOK_SECRET={made.secret}"
    elif sorted(current.enabled_events) != wanted or current.status != "enabled":
        changed: WebhookEndpointUpdateParams = {"enabled_events": wanted, "disabled": False}
        client.webhook_endpoints.update(current.id, changed)
        yield f"updated webhook endpoint {url}"
    else:
        yield f"kept webhook endpoint {url}"
    for old in known:
        if old.api_version != api_version:
            client.webhook_endpoints.delete(old.id)
            yield f"deleted webhook endpoint {url} of API version {old.api_version}"


def _metadata(known: "StripeObject") -> dict[str, str]:
    return known.to_dict(for_json=True).get("metadata") or {}


def _differs(known: "StripeObject", wanted: Mapping[str, Any]) -> bool:
    return _lacks(known.to_dict(for_json=True), wanted)


def _lacks(known: Any, wanted: Any) -> bool:
    """True if `known` differs from `wanted` in one of the fields of `wanted`."""
    if isinstance(wanted, Mapping):
        return any(_lacks((known or {}).get(name), value) for name, value in wanted.items())
    if isinstance(wanted, list):
        return sorted(known or []) != sorted(wanted)
    return bool(known != wanted)
