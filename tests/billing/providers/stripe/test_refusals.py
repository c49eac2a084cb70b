"""Requests that Stripe refuses, lost customers, purchases for nothing, and currencies."""

from decimal import Decimal

import pytest
from django.test import Client
from pytest_django import Settings

from accounts.models import User
from billing import checkouts, event_inbox, money, plan_changes
from billing.audit import audit
from billing.models import Customer, Grant, Interval, Payment, StripeEvent, Subscription
from billing.plans import PLANS, PRODUCTS
from billing.providers import gateway
from billing.providers.protocol import NoSuchCustomer, ProviderRefused
from tests.billing.books import assert_books_balance, balance
from tests.billing.providers.stripe.account import ASKS
from tests.billing.providers.stripe.conftest import URLS, Life, synchronize
from tests.billing.providers.stripe.server import FakeStripe

pytestmark = pytest.mark.django_db

PACK = "credits-2900"


def opened(user: User) -> str:
    """The id of a checkout session for the pack."""
    return checkouts.buy(user, PRODUCTS[PACK], urls=URLS).rsplit("/", 1)[1]


# Purchases for nothing --------------------------------------------------------------------------


def test_a_pack_for_nothing_is_delivered_once(life: Life, alice: User, client: Client) -> None:
    session_id = opened(alice)
    life.account.complete_for_nothing(session_id)
    client.force_login(alice)

    page = client.get(f"/billing/success/?checkout={session_id}")
    for _again in range(2):
        life.delivered = 0
        life.deliver()
        StripeEvent.objects.all().delete()
    event_inbox.catch_up()
    for event_id in StripeEvent.objects.ids():
        event_inbox.process(event_id)

    assert "Thank you" in page.text
    payment = Payment.objects.get()
    assert (payment.status, payment.cents, payment.payment_intent_id) == ("paid", 0, "")
    assert Grant.objects.get().amount == PRODUCTS[PACK].amount
    assert list(audit()) == []
    assert_books_balance()


def test_a_pack_that_is_not_paid_yet_waits(life: Life, alice: User) -> None:
    session_id = opened(alice)
    life.account.get(session_id, "checkout.session")["status"] = "complete"

    assert checkouts.complete(alice, checkout_id=session_id) is None

    assert not Grant.objects.exists()


def test_an_open_session_that_needs_no_payment_brings_nothing(life: Life, alice: User) -> None:
    session_id = opened(alice)
    session = life.account.get(session_id, "checkout.session")
    session["payment_status"] = "no_payment_required"

    assert checkouts.complete(alice, checkout_id=session_id) is None

    assert not Grant.objects.exists()


# Customers --------------------------------------------------------------------------------------


@pytest.mark.parametrize("times", [1, 2])
def test_a_deleted_customer_is_made_anew(life: Life, alice: User, times: int) -> None:
    life.buy(PACK)
    life.deliver()

    for _ in range(times):
        life.account.delete_customer(Customer.objects.get().provider_customer_id)
        life.buy(PACK)
    life.deliver()

    row = Customer.objects.get()
    assert life.customer["id"] == row.provider_customer_id
    assert Payment.objects.count() == 1 + times
    assert_books_balance()


def test_a_deleted_customer_can_subscribe(life: Life, alice: User) -> None:
    life.check_out()
    life.account.delete_customer(life.customer["id"])
    Customer.objects.update(provider_customer_id="cus_unknown")

    subscription = life.subscribe()

    assert subscription.is_live
    assert subscription.provider_customer_id == Customer.objects.get().provider_customer_id


def test_a_deleted_customer_can_open_the_portal(life: Life, alice: User, client: Client) -> None:
    life.buy(PACK)
    life.account.delete_customer(life.customer["id"])
    client.force_login(alice)

    response = client.post("/billing/portal/")

    assert response.url.startswith("https://billing.stripe.com/")  # type: ignore[attr-defined]


def test_a_customer_of_an_earlier_release_is_kept(life: Life, alice: User) -> None:
    life.buy(PACK)
    Customer.objects.update(account="")

    life.subscribe()

    assert Customer.objects.get().provider_customer_id == life.customer["id"]


# Refusals ---------------------------------------------------------------------------------------


def test_a_refusal_is_not_shown_as_an_outage(
    life: Life, alice: User, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    life.subscribe()
    client.force_login(alice)
    Subscription.objects.update(provider_subscription_id="sub_unknown")

    page = client.post("/billing/cancel/", follow=True).text

    assert "refused this request" in page
    assert "cannot be reached" not in page
    assert "No such subscription" in caplog.text


def test_a_wrong_key_is_a_refusal(life: Life, alice: User, settings: Settings) -> None:
    settings.STRIPE_SECRET_KEY = "sk_test_wrong"

    with pytest.raises(ProviderRefused):
        life.check_out()


def test_a_lost_customer_is_told_from_other_refusals(life: Life) -> None:
    with pytest.raises(NoSuchCustomer):
        gateway().create_portal("cus_unknown", return_url="https://site.test/")
    with pytest.raises(ProviderRefused) as refusal:
        gateway().invoice_pdf("in_unknown")
    assert not isinstance(refusal.value, NoSuchCustomer)


@pytest.mark.parametrize("plan", ["premium", "basic"])
def test_a_change_to_a_price_that_stripe_lacks_changes_nothing(
    life: Life, alice: User, plan: str
) -> None:
    life.subscribe("standard")
    plan_changes.cancel(alice)
    offer = plan_changes.offer(alice, PLANS[plan], Interval.MONTH)
    for price in life.account.all("price"):
        price["active"] = False

    with pytest.raises(ProviderRefused):
        plan_changes.change(alice, offer.token)

    assert life.subscription["cancel_at_period_end"]


# The bank's question ----------------------------------------------------------------------------


def test_after_the_banks_question_the_page_shows_one_state(
    life: Life, alice: User, client: Client
) -> None:
    life.subscribe()
    client.force_login(alice)
    life.use_card(ASKS)
    offer = plan_changes.offer(alice, PLANS["premium"], Interval.MONTH)
    plan_changes.change(alice, offer.token)
    assert "Your bank wants you to confirm" in client.get("/billing/").text
    life.account.pay_on_hosted_page(life.account.all("invoice")[0]["id"])

    page = client.get("/billing/")

    assert "Your bank wants you to confirm" not in page.text
    assert page.context["plan"] == PLANS["premium"]
    assert {payment.status for payment in page.context["payments"]} == {"paid"}
    assert balance(alice) > PLANS["basic"].gpu_ms


def test_while_stripe_is_away_the_page_shows_what_is_known(
    life: Life, stripe: FakeStripe, alice: User, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stripe._http_client.HTTPClient._sleep_time_seconds", lambda *_, **__: 0)
    life.subscribe()
    Subscription.objects.update(awaits_confirmation=True)
    client.force_login(alice)
    stripe.is_down = True

    page = client.get("/billing/")

    assert page.context["plan"] == PLANS["basic"]


# Currencies -------------------------------------------------------------------------------------

RATES = {
    name: Decimal(rate)
    for name, rate in {
        "isk": "138.755",
        "ugx": "3657.1234",
        "kwd": "0.30673",
        "bhd": "0.376",
        "jod": "0.70917",
        "omr": "0.38456",
        "tnd": "2.9117",
        "jpy": "151.37",
        "huf": "361.019",
        "twd": "32.1717",
        "gbp": "0.79123",
    }.items()
}


def test_every_price_is_one_that_stripe_takes(bare_stripe: FakeStripe, settings: Settings) -> None:
    settings.CURRENCY_RATES = RATES

    lines = synchronize()

    assert any(line.startswith("created price") for line in lines)
    price = next(
        each
        for each in bare_stripe.account.all("price")
        if each["metadata"].get("plan") == "basic" and each["recurring"]["interval"] == "month"
    )
    for currency in RATES:
        asked = price["currency_options"][currency]["unit_amount"]
        assert asked == money.in_currency(PLANS["basic"].price_cents, currency)


@pytest.mark.parametrize(
    ("cents", "currency", "rate", "amount", "shown"),
    [
        (10_00, "kwd", "0.3067", 3_070, "KWD3.070"),
        (10_99, "isk", "138.75", 152_500, "ISK1,525"),
        (10_00, "ugx", "3657.129", 3_657_100, "UGX36,571"),
        (10_00, "jpy", "151.35", 1_514, "¥1,514"),
        (10_00, "huf", "361.019", 361_019, "HUF3,610.19"),
    ],
)
def test_amounts_follow_the_rules_of_their_currency(
    settings: Settings, cents: int, currency: str, rate: str, amount: int, shown: str
) -> None:
    settings.CURRENCY_RATES = {currency: Decimal(rate)}

    converted = money.in_currency(cents, currency)

    assert converted == amount
    assert money.text(converted, currency).replace("\xa0", "") == shown


def test_prices_in_the_sites_own_currency_follow_them_too(settings: Settings) -> None:
    settings.CURRENCY = "isk"

    assert money.in_currency(10_99, "isk") == 11_00
