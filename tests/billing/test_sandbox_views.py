"""The sandbox's pages for customers, banks and operators, as at Stripe."""

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from accounts.models import User
from billing import event_inbox, payments
from billing.models import Customer, Payment, SandboxObject, Subscription
from billing.plans import PLANS, plan_of
from billing.providers.sandbox import Card
from tests.billing import provider
from tests.billing.books import assert_books_balance, balance

pytestmark = pytest.mark.django_db

PORTAL = reverse("billing:sandbox_portal")
BASIC_MS = 200 * 60_000


def hear_all() -> None:
    """Deliver and process every event of the sandbox."""
    for event in provider.events():
        provider.store(event)
        event_inbox.process(event["id"])


def do(client: Client, deed: str, **more: str) -> None:
    assert client.post(PORTAL, {"do": deed, **more}).status_code == 302
    hear_all()


@pytest.fixture
def customer(client: Client, alice: User) -> User:
    provider.subscribe(alice)
    client.force_login(alice)
    return alice


def test_the_checkout_says_that_it_is_a_test(client: Client, alice: User) -> None:
    client.force_login(alice)

    page = client.get(reverse("billing:sandbox_checkout", args=[provider.check_out(alice)])).text

    assert "This is a test." in page
    assert "$10.00" in page


def test_a_good_card_pays(client: Client, alice: User) -> None:
    client.force_login(alice)
    url = reverse("billing:sandbox_checkout", args=[provider.check_out(alice)])

    response = client.post(url, {"card": "good"}, follow=True)

    assert "Welcome to Basic" in response.text
    assert "This checkout was paid." in client.get(url).text
    assert plan_of(alice) == PLANS["basic"]


def test_a_declined_card_pays_nothing(client: Client, alice: User) -> None:
    client.force_login(alice)
    url = reverse("billing:sandbox_checkout", args=[provider.check_out(alice)])

    response = client.post(url, {"card": "decline"}, follow=True)

    assert "The test card was declined." in response.text
    assert not Payment.objects.exists()


@pytest.mark.parametrize(("answer", "is_paid"), [("yes", True), ("no", False)])
def test_a_bank_that_asks_is_answered(
    client: Client, alice: User, answer: str, is_paid: bool
) -> None:
    client.force_login(alice)
    url = reverse("billing:sandbox_checkout", args=[provider.check_out(alice)])
    page = client.post(url, {"card": "confirm"}, follow=True)
    assert "Do you want to pay $10.00?" in page.text

    client.post(page.redirect_chain[-1][0], {"answer": answer}, follow=True)  # type: ignore[attr-defined]

    assert Payment.objects.exists() == is_paid


def test_a_month_that_passes_renews_the_plan(client: Client, customer: User) -> None:
    do(client, "let the period pass")

    assert balance(customer) == 2 * BASIC_MS
    assert Payment.objects.filter(status=Payment.Status.PAID).count() == 2
    first, second = Payment.objects.order_by("created_at")
    assert (second.created_at - first.created_at).days >= 28
    assert_books_balance()


@pytest.mark.parametrize("card", ["decline", "confirm"])
def test_a_card_that_does_not_work_fails_the_renewal_and_a_good_one_pays_it(
    client: Client, customer: User, card: str
) -> None:
    do(client, "use card", card=card)
    do(client, "let the period pass")
    assert Subscription.objects.get().status == Subscription.Status.PAST_DUE

    do(client, "use card", card="good")

    assert Subscription.objects.get().status == Subscription.Status.ACTIVE
    assert balance(customer) == 2 * BASIC_MS


def test_after_paying_an_open_invoice_the_page_shows_one_state(
    client: Client, customer: User
) -> None:
    do(client, "use card", card="confirm")
    do(client, "let the period pass")
    payment = Payment.objects.get(status=Payment.Status.OPEN)
    page = client.get(reverse("billing:pay", args=[payment.pk])).url  # type: ignore[attr-defined]

    # No event has come yet.
    shown = client.post(page, {"answer": "yes"}, follow=True)

    assert "The invoice is paid." in shown.text
    assert "Your last payment failed." not in shown.text
    assert not shown.context["subscription"].is_past_due
    assert {each.status for each in shown.context["payments"]} == {"paid"}


@pytest.mark.parametrize(("answer", "status"), [("yes", "active"), ("no", "past_due")])
def test_an_open_invoice_is_paid_on_its_page(
    client: Client, customer: User, answer: str, status: str
) -> None:
    do(client, "use card", card="confirm")
    do(client, "let the period pass")
    payment = Payment.objects.get(status=Payment.Status.OPEN)
    url = reverse("billing:sandbox_invoice", args=[payment.invoice_id])
    assert "Pay, and confirm it with the bank" in client.get(url).text

    client.post(url, {"answer": answer})
    hear_all()

    assert Subscription.objects.get().status == status


def test_a_refund_and_a_dispute(client: Client, customer: User) -> None:
    invoice = Payment.objects.get().invoice_id
    do(client, "dispute", invoice=invoice)
    assert balance(customer) == 0

    do(client, "win the dispute", invoice=invoice)
    assert balance(customer) == BASIC_MS

    do(client, "refund", invoice=invoice)
    payments.synchronize(Payment.objects.get().payment_intent_id)
    assert balance(customer) == 0
    assert "Refunded" in client.get(PORTAL).text
    assert_books_balance()


def test_the_portal_shows_the_card(client: Client, customer: User) -> None:
    do(client, "use card", card="decline")

    assert client.get(PORTAL).context["card"] == Card.DECLINE


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"do": "fly"},
        {"do": "use card", "card": "gold"},
        {"do": "refund", "invoice": "in_unknown"},
    ],
)
def test_what_cannot_be_done_is_not_found(
    client: Client, customer: User, asked: dict[str, str]
) -> None:
    assert client.post(PORTAL, asked).status_code == 404


def test_invoices_of_others_cannot_be_refunded(client: Client, customer: User, bob: User) -> None:
    provider.subscribe(bob)
    invoice = Payment.objects.get(user=bob).invoice_id

    assert client.post(PORTAL, {"do": "refund", "invoice": invoice}).status_code == 404
    assert not SandboxObject.objects.filter(type="refund").exists()


def test_the_portal_is_for_customers(client: Client, bob: User) -> None:
    assert client.get(PORTAL).url.startswith(reverse("account_login"))  # type: ignore[attr-defined]
    client.force_login(bob)
    assert client.get(PORTAL).status_code == 404


@pytest.mark.parametrize("page", ["checkout", "bank", "portal", "invoice", "invoice_pdf"])
def test_where_stripe_takes_the_money_there_are_no_such_pages(
    client: Client, customer: User, settings: Settings, page: str
) -> None:
    invoice_id = Payment.objects.get().invoice_id
    checkout_id = SandboxObject.objects.get(type="checkout.session").pk
    ids = {"checkout": [checkout_id], "bank": [checkout_id], "portal": []}
    settings.STRIPE_SECRET_KEY = "sk_live"

    url = reverse(f"billing:sandbox_{page}", args=ids.get(page, [invoice_id]))

    assert client.get(url).status_code == 404
    assert client.post(url).status_code == 404


def test_the_customers_card_is_kept_at_the_sandbox(customer: User) -> None:
    row = Customer.objects.get(user=customer)

    assert SandboxObject.objects.get(pk=row.provider_customer_id).data["card"] == "good"
