"""A provider that shares no format with Stripe: one folder, and a line in PROVIDERS."""

import json

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from billing import checkouts, event_inbox, providers
from billing.models import Grant, Payment, StripeEvent
from billing.plans import PRODUCTS
from tests.billing.books import assert_books_balance, balance
from tests.billing.provider import URLS
from tests.billing.providers import tally
from tests.billing.providers.tally.gateway import TOKEN, orders

pytestmark = pytest.mark.django_db

PACK = PRODUCTS["minutes-100"]


@pytest.fixture(autouse=True)
def _tally(monkeypatch: pytest.MonkeyPatch) -> None:
    orders.clear()
    monkeypatch.setattr(providers, "PROVIDERS", (tally.PROVIDER, *providers.PROVIDERS))


def buy(user: User) -> str:
    """The number of a new order."""
    return checkouts.buy(user, PACK, urls=URLS).rsplit("/", 1)[1]


def post(client: Client, news: str, order: str, *, serial: int = 1, token: str = TOKEN) -> int:
    response = client.post(
        reverse("billing:webhook"),
        json.dumps({"serial": serial, "news": news, "order": order}),
        content_type="application/json",
        headers={"X-Tally-Token": token},
    )
    return response.status_code


def receive(client: Client, news: str, order: str, *, serial: int = 1) -> None:
    assert post(client, news, order, serial=serial) == 200
    event_inbox.process(f"tally:{serial}")


def test_its_event_brings_a_grant(client: Client, alice: User) -> None:
    order = buy(alice)
    orders[order]["settled"] = True

    receive(client, "order settled", order)

    payment = Payment.objects.get()
    assert (payment.provider, payment.cents) == ("tally", PACK.price_cents)
    assert Grant.objects.get().amount == balance(alice) == PACK.amount
    assert_books_balance()


def test_its_event_brings_one_grant_however_often_it_comes(client: Client, alice: User) -> None:
    order = buy(alice)
    orders[order]["settled"] = True

    for serial in (1, 1, 2):
        receive(client, "order settled", order, serial=serial)

    assert balance(alice) == PACK.amount
    assert StripeEvent.objects.count() == 2
    assert_books_balance()


def test_an_unpaid_order_brings_nothing(client: Client, alice: User) -> None:
    receive(client, "order settled", buy(alice))

    assert balance(alice) == 0


def test_its_refund_takes_the_minutes_back(client: Client, alice: User) -> None:
    order = buy(alice)
    orders[order]["settled"] = True
    receive(client, "order settled", order)
    orders[order]["back"] = PACK.price_cents

    receive(client, "money back", order, serial=2)

    assert balance(alice) == 0
    assert_books_balance()


def test_an_event_of_another_sender_is_refused(client: Client, alice: User) -> None:
    assert post(client, "order settled", buy(alice), token="guessed") == 400

    assert not StripeEvent.objects.exists()


def test_other_news_of_it_change_nothing(client: Client, alice: User) -> None:
    receive(client, "logo changed", buy(alice))

    assert StripeEvent.objects.get().processed_at is not None
    assert balance(alice) == 0


def test_forms_may_lead_to_its_pages(client: Client) -> None:
    policy = client.get(reverse("billing:plans")).headers["Content-Security-Policy"]

    [targets] = [each for each in policy.split(";") if "form-action" in each]
    assert "https://pay.tally.test" in targets
    assert "stripe.com" not in targets


def test_the_pages_of_the_sandbox_are_gone(client: Client, alice: User) -> None:
    client.force_login(alice)

    assert client.get(reverse("billing:sandbox_portal")).status_code == 404
