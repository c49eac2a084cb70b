"""The plans, the own plan, invoices, and the banners on every page."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from accounts.models import User
from billing import money, plan_changes, subscriptions
from billing.models import Customer, Interval, Payment, Subscription
from billing.plans import GRACE, PLANS
from billing.providers import sandbox
from generation.models import Speed
from tests.billing import provider
from tests.billing.conftest import Clock

pytestmark = pytest.mark.django_db

PLANS_PAGE = reverse("billing:plans")
PLAN_PAGE = reverse("billing:plan")


def fail_to_renew(user: User) -> None:
    subscription = Subscription.objects.get(user=user)
    sandbox.renew(subscription.provider_subscription_id, card_works=False)
    subscriptions.synchronize(subscription.provider_subscription_id)


# Plans ------------------------------------------------------------------------------------------


def test_visitors_see_the_plans_with_their_prices_and_a_way_to_sign_up(client: Client) -> None:
    page = client.get(PLANS_PAGE).text

    for text in ("$10", "$30", "$60", "<strong>2,000</strong> GPU minutes a month"):
        assert text in page
    assert reverse("account_signup") in page
    assert "<form" not in page.split("<main")[1].split("</main")[0]


def test_by_the_year_two_months_are_free(client: Client) -> None:
    page = client.get(PLANS_PAGE, {"interval": "year"}).text

    assert "$100 a year: two months are free" in page
    assert "$8.33" in page


def test_an_interval_that_was_made_up_is_a_month(client: Client) -> None:
    assert client.get(PLANS_PAGE, {"interval": "day"}).context["interval"] == Interval.MONTH


def test_prices_are_in_the_installations_currency(client: Client, settings: Settings) -> None:
    settings.CURRENCY = "eur"

    assert "€10" in client.get(PLANS_PAGE).text


def test_who_has_no_plan_can_take_one(client: Client, alice: User) -> None:
    client.force_login(alice)

    page = client.get(PLANS_PAGE).text

    for plan in PLANS:
        assert reverse("billing:checkout", args=[plan, "month"]) in page


def test_who_has_a_plan_can_change_it(client: Client, alice: User) -> None:
    provider.subscribe(alice, "standard")
    client.force_login(alice)

    offered = {
        (each.plan.id, each.action.value) for each in client.get(PLANS_PAGE).context["offered"]
    }

    assert offered == {
        ("basic", "at_period_end"),
        ("standard", "current"),
        ("premium", "at_once"),
    }
    plan_changes.change(alice, plan_changes.offer(alice, PLANS["basic"], Interval.MONTH).token)
    assert "Your next plan" in client.get(PLANS_PAGE).text


def test_packs_are_sold_with_a_plan_or_without(client: Client, alice: User) -> None:
    client.force_login(alice)

    page = client.get(PLANS_PAGE).text

    for product in ("minutes-100", "minutes-1000", "credits-2900", "credits-14900"):
        assert reverse("billing:buy", args=[product]) in page
    assert "2,900 API credits" in page
    assert "$0.07 a minute" in page and "$0.01 a credit" in page


def measure(samples: int) -> None:
    Speed.objects.create(
        checkpoint="sketchbook",
        device="GPU",
        ms_per_step_megapixel=1_000,
        overhead_ms=44,
        samples=samples,
    )


def test_it_says_what_a_minute_buys_as_it_was_measured_here(client: Client) -> None:
    measure(samples=3)

    page = client.get(PLANS_PAGE).text

    # 10 steps with guidance over 256 x 256 pixels take 1,311 ms, and 44 ms more.
    assert "about 44 pictures" in page


def test_before_anything_was_measured_it_promises_nothing(client: Client) -> None:
    measure(samples=2)

    assert "What a minute buys here" not in client.get(PLANS_PAGE).text


def test_the_plans_are_only_read(client: Client) -> None:
    assert client.post(PLANS_PAGE).status_code == 405


# One's own plan ---------------------------------------------------------------------------------


def test_ones_own_plan_has_price_next_invoice_grants_and_invoices(
    client: Client, alice: User
) -> None:
    provider.subscribe(alice, "standard")
    provider.buy(alice, "minutes-100")
    provider.buy(alice, "credits-2900")
    client.force_login(alice)

    response = client.get(PLAN_PAGE)

    assert "$30.00 a month" in response.text
    assert [grant.source for grant in response.context["grants"]] == ["plan", "topup"]
    assert "doesn’t expire" in response.text
    assert 'data-available-credits="2900000"' in response.text
    for payment in Payment.objects.all():
        assert reverse("billing:invoice", args=[payment.pk]) in response.text
    assert reverse("billing:portal") in response.text


def test_who_has_nothing_yet_is_shown_the_way(client: Client, alice: User) -> None:
    client.force_login(alice)

    page = client.get(PLAN_PAGE).text

    assert reverse("billing:plans") in page
    assert reverse("billing:portal") not in page


@pytest.mark.parametrize(
    ("state", "buttons"),
    [
        ("active", ["billing:cancel"]),
        ("canceled at the end", ["billing:resume"]),
        ("downgraded at the end", ["billing:keep", "billing:cancel"]),
        ("past due", ["billing:end"]),
        ("ended", []),
    ],
)
def test_each_state_has_its_buttons(
    client: Client, alice: User, state: str, buttons: list[str]
) -> None:
    provider.subscribe(alice, "premium")
    if state == "canceled at the end":
        plan_changes.cancel(alice)
    if state == "downgraded at the end":
        plan_changes.change(alice, plan_changes.offer(alice, PLANS["basic"], Interval.MONTH).token)
    if state == "past due":
        fail_to_renew(alice)
    if state == "ended":
        plan_changes.end(alice)
    client.force_login(alice)

    page = client.get(PLAN_PAGE).text

    every = ("cancel", "resume", "keep", "end")
    shown = [f"billing:{name}" for name in every if reverse(f"billing:{name}") in page]
    assert sorted(shown) == sorted(buttons)


def test_many_payments_take_as_many_queries_as_one(
    client: Client, alice: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    provider.subscribe(alice)
    client.force_login(alice)
    provider.buy(alice, "credits-2900")
    with CaptureQueriesContext(connection) as few:
        client.get(PLAN_PAGE)
    for _ in range(29):
        provider.buy(alice, "credits-2900")

    with django_assert_num_queries(len(few)):
        client.get(PLAN_PAGE)


def test_visitors_are_sent_to_sign_in(client: Client) -> None:
    assert client.get(PLAN_PAGE).url == f"{reverse('account_login')}?next={PLAN_PAGE}"  # type: ignore[attr-defined]


def test_the_plan_is_only_read(client: Client, alice: User) -> None:
    client.force_login(alice)

    assert client.post(PLAN_PAGE).status_code == 405


# Invoices ---------------------------------------------------------------------------------------


def test_an_invoice_is_a_pdf(client: Client, alice: User) -> None:
    provider.subscribe(alice)
    payment = Payment.objects.get()
    client.force_login(alice)

    response = client.get(reverse("billing:invoice", args=[payment.pk]), follow=True)

    assert response["Content-Type"] == "application/pdf"
    assert response.content.startswith(b"%PDF-")
    assert b"Total: $10.00" in response.content
    assert response["Content-Disposition"] == f'attachment; filename="{payment.number}.pdf"'


def test_an_open_invoice_leads_to_where_it_is_paid(client: Client, alice: User) -> None:
    provider.subscribe(alice)
    fail_to_renew(alice)
    payment = Payment.objects.get(status=Payment.Status.OPEN)
    client.force_login(alice)

    response = client.get(reverse("billing:pay", args=[payment.pk]))

    assert response.url == reverse("billing:sandbox_invoice", args=[payment.invoice_id])  # type: ignore[attr-defined]


def test_a_paid_invoice_is_not_paid_again(client: Client, alice: User) -> None:
    provider.subscribe(alice)
    client.force_login(alice)

    response = client.get(reverse("billing:pay", args=[Payment.objects.get().pk]))

    assert response.url == PLAN_PAGE  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", ["billing:invoice", "billing:pay"])
def test_invoices_of_others_are_not_found(
    client: Client, alice: User, bob: User, name: str
) -> None:
    provider.subscribe(alice)
    url = reverse(name, args=[Payment.objects.get().pk])

    assert client.get(url).url.startswith(reverse("account_login"))  # type: ignore[attr-defined]
    client.force_login(bob)
    assert client.get(url).status_code == 404
    assert client.get(reverse(name, args=[10**30])).status_code == 404
    assert client.post(url).status_code == 405


# Banners ----------------------------------------------------------------------------------------


def test_a_failed_renewal_is_said_on_every_page_and_where_to_pay(
    client: Client, alice: User, clock: Clock
) -> None:
    subscription = provider.subscribe(alice)
    clock.at = subscription.current_period_end
    fail_to_renew(alice)
    payment = Payment.objects.get(status=Payment.Status.OPEN)
    client.force_login(alice)

    for page in (PLAN_PAGE, PLANS_PAGE, reverse("studio")):
        text = client.get(page).text
        assert "Your last payment failed." in text
        assert reverse("billing:pay", args=[payment.pk]) in text


def test_after_the_days_of_grace_it_says_that_the_plan_rests(client: Client, alice: User) -> None:
    provider.subscribe(alice)
    fail_to_renew(alice)
    Subscription.objects.update(current_period_start=timezone.now() - GRACE - timedelta(hours=1))
    client.force_login(alice)

    assert "Your plan rests, because your last payment failed." in client.get(PLAN_PAGE).text


def test_a_payment_that_the_bank_asks_about_is_said(client: Client, alice: User) -> None:
    provider.subscribe(alice)
    customer = Customer.objects.get(user=alice)
    sandbox.use_card(customer.provider_customer_id, sandbox.Card.CONFIRM)
    plan_changes.change(alice, plan_changes.offer(alice, PLANS["premium"], Interval.MONTH).token)
    client.force_login(alice)

    assert "Your bank wants you to confirm the payment." in client.get(PLAN_PAGE).text


def test_who_pays_is_told_nothing(client: Client, alice: User) -> None:
    provider.subscribe(alice)
    client.force_login(alice)

    assert 'role="alert"' not in client.get(PLAN_PAGE).text


@pytest.mark.parametrize(
    ("currency", "cents", "shown"),
    [("usd", 12_34, "$12.34"), ("jpy", 1_500, "¥1,500"), ("bhd", 12_345, "BHD12.345")],
)
def test_amounts_have_their_currencys_places(currency: str, cents: int, shown: str) -> None:
    assert money.text(cents, currency).replace("\xa0", "") == shown


def test_prices_in_another_currency_follow_the_rate(settings: Settings) -> None:
    settings.CURRENCY_RATES = {"eur": Decimal("0.955"), "jpy": Decimal(150)}

    assert money.in_currency(10_00, "usd") == 10_00
    assert money.in_currency(10_00, "eur") == 9_55
    assert money.in_currency(10_00, "jpy") == 1_500
