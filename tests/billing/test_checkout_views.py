"""Checkout pages, and the page after paying."""

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from billing import ledger
from billing.models import Payment, SandboxObject, Subscription, Unit
from billing.providers import sandbox
from billing.providers.protocol import ProviderUnavailable
from tests.billing import provider
from tests.billing.books import assert_books_balance, balance

pytestmark = pytest.mark.django_db

CHECKOUT = reverse("billing:checkout", args=["basic", "month"])
BUY = reverse("billing:buy", args=["credits-2900"])
SUCCESS = reverse("billing:success")
PORTAL = reverse("billing:portal")


def test_taking_a_plan_leads_to_the_checkout(client: Client, alice: User) -> None:
    client.force_login(alice)

    response = client.post(CHECKOUT)

    session = SandboxObject.objects.get(type="checkout.session")
    assert response.url == reverse("billing:sandbox_checkout", args=[session.pk])  # type: ignore[attr-defined]
    assert session.data["success_url"].startswith(f"http://testserver{SUCCESS}?checkout=cs_")


def test_who_has_a_plan_does_not_take_another(client: Client, alice: User) -> None:
    provider.subscribe(alice)
    client.force_login(alice)

    response = client.post(CHECKOUT, follow=True)

    assert "You have a plan already" in response.text
    assert SandboxObject.objects.filter(type="checkout.session").count() == 1


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("billing:checkout", ["gold", "month"]),
        ("billing:checkout", ["trial", "month"]),
        ("billing:checkout", ["basic", "day"]),
        ("billing:buy", ["basic"]),
        ("billing:change", ["gold", "month"]),
        ("billing:change", ["basic", "day"]),
    ],
)
def test_what_is_not_sold_is_not_found(
    client: Client, alice: User, name: str, arguments: list[str]
) -> None:
    client.force_login(alice)

    assert client.post(reverse(name, args=arguments)).status_code == 404


@pytest.mark.parametrize("url", [CHECKOUT, BUY, PORTAL])
def test_only_who_is_signed_in_pays_and_only_by_a_button(
    client: Client, alice: User, url: str
) -> None:
    assert client.post(url).url.startswith(reverse("account_login"))  # type: ignore[attr-defined]
    client.force_login(alice)
    assert client.get(url).status_code == 405
    assert not SandboxObject.objects.exists()


def test_a_form_without_a_token_buys_nothing(alice: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice)

    assert client.post(BUY).status_code == 403
    assert not SandboxObject.objects.exists()


@pytest.mark.parametrize("url", [CHECKOUT, BUY])
def test_a_provider_that_is_away_is_said(
    client: Client, alice: User, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    def fail(*args: object, **kwargs: object) -> None:
        raise ProviderUnavailable

    for name in ("create_checkout", "create_purchase"):
        monkeypatch.setattr(sandbox.SandboxGateway, name, fail)
    client.force_login(alice)

    assert "cannot be reached" in client.post(url, follow=True).text


def test_who_comes_back_from_paying_finds_everything_open(client: Client, alice: User) -> None:
    checkout_id = provider.check_out(alice)
    sandbox.pay(checkout_id)
    client.force_login(alice)

    page = client.get(SUCCESS, {"checkout": checkout_id}).text

    assert "Welcome to Basic" in page
    assert balance(alice) == 200 * 60_000
    assert_books_balance()


@pytest.mark.parametrize(
    ("product", "said"),
    [("credits-2900", "You have 2,900 credits"), ("minutes-100", "You have 100 min 0 s")],
)
def test_who_comes_back_from_buying_has_it(
    client: Client, alice: User, product: str, said: str
) -> None:
    checkout_id = provider.check_out_once(alice, product)
    sandbox.pay(checkout_id)
    client.force_login(alice)

    for _ in range(2):
        assert said in client.get(SUCCESS, {"checkout": checkout_id}).text

    assert Payment.objects.count() == 1
    assert_books_balance()


def test_a_payment_that_is_on_its_way_is_waited_for(client: Client, alice: User) -> None:
    client.force_login(alice)

    page = client.get(SUCCESS, {"checkout": provider.check_out(alice)}).text

    assert 'http-equiv="refresh"' in page
    assert not Subscription.objects.exists()


# Text that cannot be stored is refused before any view.
@pytest.mark.parametrize(("checkout", "status"), [("", 404), ("cs_unknown", 404), ("\0", 400)])
def test_a_checkout_that_was_made_up_is_not_found(
    client: Client, alice: User, checkout: str, status: int
) -> None:
    client.force_login(alice)

    assert client.get(SUCCESS, {"checkout": checkout}).status_code == status


def test_anothers_checkout_is_not_found(client: Client, alice: User, bob: User) -> None:
    checkout_id = provider.check_out_once(alice, "credits-2900")
    sandbox.pay(checkout_id)
    client.force_login(bob)

    assert client.get(SUCCESS, {"checkout": checkout_id}).status_code == 404
    assert ledger.available(bob, Unit.CREDITS) == 0


def test_the_portal_is_for_customers(client: Client, alice: User) -> None:
    client.force_login(alice)
    assert client.post(PORTAL).url == reverse("billing:plans")  # type: ignore[attr-defined]

    provider.buy(alice)

    assert client.post(PORTAL).url == reverse("billing:sandbox_portal")  # type: ignore[attr-defined]
