"""`manage.py stripe_sync` creates the whole catalogue, and creates nothing twice."""

from dataclasses import replace
from decimal import Decimal
from types import MappingProxyType

import pytest
from django.core.management import CommandError
from django.test import Client
from pytest_django import Settings

from accounts.models import User
from billing import plans, subscriptions
from billing.models import Subscription
from billing.plans import PLANS, PRODUCTS
from billing.providers.protocol import ProviderUnavailable
from billing.providers.stripe import catalogue
from billing.providers.stripe.events import EVENT_TYPES
from tests.billing.books import balance
from tests.billing.providers.stripe.conftest import Life, synchronize
from tests.billing.providers.stripe.server import FakeStripe

pytestmark = pytest.mark.django_db


def test_everything_that_is_sold_is_created(bare_stripe: FakeStripe) -> None:
    lines = synchronize()

    account = bare_stripe.account
    assert len(account.all("product")) == len(PLANS) + len(PRODUCTS)
    prices = account.all("price")
    assert len(prices) == 2 * len(PLANS) + len(PRODUCTS)
    by_interval = {
        interval: sorted(
            price["unit_amount"]
            for price in prices
            if (price["recurring"] or {}).get("interval") == interval
        )
        for interval in ("month", "year")
    }
    assert by_interval == {"month": [10_00, 30_00, 60_00], "year": [100_00, 300_00, 600_00]}
    (endpoint,) = account.all("webhook_endpoint")
    assert endpoint["url"] == "https://site.test/billing/webhook/"
    assert set(endpoint["enabled_events"]) == set(EVENT_TYPES)
    assert any(f"STRIPE_WEBHOOK_SECRET=whsec_{endpoint['id']}" in line for line in lines)
    assert len(account.all("billing_portal.configuration")) == 1


def test_a_second_time_changes_nothing(stripe: FakeStripe) -> None:
    before = set(stripe.account.objects)
    posts = len([line for line in stripe.log if not line.startswith("GET")])

    lines = synchronize()

    assert set(stripe.account.objects) == before
    assert len([line for line in stripe.log if not line.startswith("GET")]) == posts
    assert all(line.startswith("kept ") for line in lines)


def test_a_new_price_is_for_new_customers(
    life: Life, alice: User, bob: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    life.subscribe()
    dearer = replace(PLANS["basic"], price_cents=12_00, gpu_minutes=150)
    sold = MappingProxyType({**PLANS, "basic": dearer})
    for module in (plans, catalogue):
        monkeypatch.setattr(module, "PLANS", sold)

    lines = synchronize()

    assert sum(line.startswith("created price") for line in lines) == 2
    assert sum(line.startswith("archived price") for line in lines) == 2
    (item,) = life.subscription["items"]["data"]
    assert item["price"]["unit_amount"] == 10_00
    # And keeps the minutes that were sold with it.
    subscriptions.synchronize(life.subscription["id"])
    row = Subscription.objects.get()
    assert (row.price_cents, row.next_invoice_cents) == (10_00, 10_00)
    assert balance(alice) == 200 * 60_000


def test_a_price_that_comes_back_is_taken_from_the_archive(
    stripe: FakeStripe, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as dearer:
        sold = {**PLANS, "basic": replace(PLANS["basic"], price_cents=12_00)}
        dearer.setattr(catalogue, "PLANS", MappingProxyType(sold))
        synchronize()

    lines = synchronize()

    assert sum(line.startswith("brought back price") for line in lines) == 2
    active = [price for price in stripe.account.all("price") if price["active"]]
    assert len(active) == 2 * len(PLANS) + len(PRODUCTS)


def test_other_currencies_are_on_the_same_price(
    bare_stripe: FakeStripe, settings: Settings
) -> None:
    settings.CURRENCY_RATES = {"eur": Decimal("0.95"), "jpy": Decimal(150)}

    synchronize()

    prices = {price["lookup_key"]: price for price in bare_stripe.account.all("price")}
    (basic,) = (price for key, price in prices.items() if "basic-200-month" in key)
    amounts = {
        currency: option["unit_amount"] for currency, option in basic["currency_options"].items()
    }
    assert (basic["currency"], basic["unit_amount"]) == ("usd", 10_00)
    assert amounts == {"eur": 9_50, "jpy": 1_500}


def test_taxes_are_a_setting(bare_stripe: FakeStripe, alice: User, settings: Settings) -> None:
    settings.STRIPE_TAX = True
    settings.TAX_BEHAVIOR = "inclusive"

    synchronize()

    account = bare_stripe.account
    assert {product["tax_code"] for product in account.all("product")} == {"txcd_10103000"}
    assert {price["tax_behavior"] for price in account.all("price")} == {"inclusive"}
    Life(bare_stripe, alice, Client()).check_out()
    (session,) = account.all("checkout.session")
    assert session["automatic_tax"] == {"enabled": True}


def test_what_an_operator_changed_by_hand_is_put_right(stripe: FakeStripe) -> None:
    (configuration,) = stripe.account.all("billing_portal.configuration")
    configuration["features"]["subscription_cancel"]["enabled"] = True
    (endpoint,) = stripe.account.all("webhook_endpoint")
    endpoint["enabled_events"] = ["invoice.paid"]

    lines = synchronize()

    assert "updated the customer portal's configuration" in lines
    assert "updated webhook endpoint https://site.test/billing/webhook/" in lines
    assert not configuration["features"]["subscription_cancel"]["enabled"]


def test_an_endpoint_of_an_older_version_is_replaced(stripe: FakeStripe) -> None:
    (endpoint,) = stripe.account.all("webhook_endpoint")
    endpoint["api_version"] = "2024-06-20"

    lines = synchronize()

    (now,) = stripe.account.all("webhook_endpoint")
    assert now["id"] != endpoint["id"]
    assert any(line.startswith("created webhook endpoint") for line in lines)


def test_a_site_that_stripe_cannot_reach_gets_no_endpoint(
    bare_stripe: FakeStripe, settings: Settings
) -> None:
    settings.SITE_URL = "http://127.0.0.1:8000"

    lines = synchronize()

    assert not bare_stripe.account.all("webhook_endpoint")
    assert any("stripe listen --forward-to" in line for line in lines)


def test_without_a_key_there_is_nothing_to_synchronize(settings: Settings) -> None:
    settings.STRIPE_SECRET_KEY = ""

    with pytest.raises(CommandError, match="STRIPE_SECRET_KEY"):
        synchronize()


def test_a_wrong_key_is_named(bare_stripe: FakeStripe, settings: Settings) -> None:
    settings.STRIPE_SECRET_KEY = "sk_test_wrong"

    with pytest.raises(CommandError, match="Invalid API Key"):
        synchronize()


def test_before_it_was_run_nothing_is_sold_and_the_log_says_what_to_do(
    bare_stripe: FakeStripe, alice: User, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(ProviderUnavailable):
        Life(bare_stripe, alice, Client()).check_out()

    assert "run manage.py stripe_sync" in caplog.text
