"""Pages that show the price of a change, then make it."""

import re

import pytest
from django.test import Client
from django.urls import reverse

from accounts import time_zones
from accounts.models import User
from billing import plan_changes, subscriptions
from billing.models import Customer, Interval, SandboxObject, Subscription
from billing.plans import PLANS, plan_of
from billing.providers import sandbox
from billing.templatetags.amounts import gpu_time
from tests.billing import provider
from tests.billing.books import assert_books_balance
from tests.billing.conftest import Clock

pytestmark = pytest.mark.django_db

UPGRADE = reverse("billing:change", args=["premium", "month"])
DOWNGRADE = reverse("billing:change", args=["basic", "month"])
VERBS = ["cancel", "resume", "keep", "end"]


@pytest.fixture
def subscriber(client: Client, alice: User, clock: Clock) -> User:
    """Is signed in, in the middle of a month of Standard."""
    subscription = provider.subscribe(alice, "standard")
    clock.at += (subscription.current_period_end - clock.at) / 2
    client.force_login(alice)
    return alice


def token_on(page: str) -> str:
    return re.search(r'name="token" value="([^"]+)"', page)[1]  # type: ignore[index]


def test_an_upgrade_shows_money_and_minutes_before_it_is_made(
    client: Client, subscriber: User
) -> None:
    page = client.get(UPGRADE).text

    assert "$15.00" in page
    assert "550 min 0 s of GPU time" in page
    assert "$60.00" in page
    assert plan_of(subscriber) == PLANS["standard"]
    response = client.post(UPGRADE, {"token": token_on(page)}, follow=True)
    assert "You are on the Premium plan now." in response.text
    assert plan_of(subscriber) == PLANS["premium"]
    assert_books_balance()


def test_a_downgrade_says_when_it_takes_effect(client: Client, subscriber: User) -> None:
    page = client.get(DOWNGRADE).text

    assert "when your period ends" in page
    response = client.post(DOWNGRADE, {"token": token_on(page)}, follow=True)
    assert "Your plan changes to Basic on" in response.text
    assert plan_of(subscriber) == PLANS["standard"]
    response = client.post(reverse("billing:keep"), follow=True)
    assert "Your plan stays as it is." in response.text
    assert Subscription.objects.get().next_plan == ""


def test_a_page_that_was_open_in_two_browsers_changes_once(
    client: Client, subscriber: User
) -> None:
    tokens = [token_on(client.get(url).text) for url in (UPGRADE, DOWNGRADE)]
    client.post(UPGRADE, {"token": tokens[0]})

    response = client.post(DOWNGRADE, {"token": tokens[1]}, follow=True)

    assert "Please look again." in response.text
    assert plan_of(subscriber) == PLANS["premium"]


def test_without_an_offer_nothing_is_changed(client: Client, subscriber: User) -> None:
    response = client.post(UPGRADE, follow=True)

    assert "Please look again." in response.text
    assert plan_of(subscriber) == PLANS["standard"]


def test_a_declined_card_is_said(client: Client, subscriber: User) -> None:
    customer = Customer.objects.get(user=subscriber)
    sandbox.use_card(customer.provider_customer_id, sandbox.Card.DECLINE)

    response = client.post(UPGRADE, {"token": token_on(client.get(UPGRADE).text)}, follow=True)

    assert "Your card was declined." in response.text


def test_a_bank_that_asks_first_is_gone_to(client: Client, subscriber: User) -> None:
    customer = Customer.objects.get(user=subscriber)
    sandbox.use_card(customer.provider_customer_id, sandbox.Card.CONFIRM)

    response = client.post(UPGRADE, {"token": token_on(client.get(UPGRADE).text)}, follow=True)

    assert "Pay, and confirm it with the bank" in response.text


def test_after_the_banks_question_the_page_shows_one_state(
    client: Client, subscriber: User
) -> None:
    customer = Customer.objects.get(user=subscriber)
    sandbox.use_card(customer.provider_customer_id, sandbox.Card.CONFIRM)
    asked = client.post(UPGRADE, {"token": token_on(client.get(UPGRADE).text)})
    assert "Your bank wants you to confirm" in client.get(reverse("billing:plan")).text

    # No event has come yet.
    page = client.post(asked.url, {"answer": "yes"}, follow=True)  # type: ignore[attr-defined]

    assert "The invoice is paid." in page.text
    assert "Your bank wants you to confirm" not in page.text
    assert page.context["plan"].id == Subscription.objects.get().plan != "basic"
    assert {payment.status for payment in page.context["payments"]} == {"paid"}


def test_canceling_and_keeping(client: Client, subscriber: User) -> None:
    ends = time_zones.named(Subscription.objects.get().current_period_end)
    page = client.post(reverse("billing:cancel"), follow=True).text
    assert f"Your plan is canceled and stays active until {ends}. You can resume" in page
    assert "Resume plan" in page
    assert Subscription.objects.get().cancel_at_period_end

    assert "Your plan goes on." in client.post(reverse("billing:resume"), follow=True).text
    assert not Subscription.objects.get().cancel_at_period_end


def test_before_canceling_one_page_says_until_when_and_what_stays(
    client: Client, subscriber: User
) -> None:
    provider.buy(subscriber, "minutes-100")
    provider.buy(subscriber, "credits-2900")
    plan_changes.change(
        subscriber, plan_changes.offer(subscriber, PLANS["basic"], Interval.MONTH).token
    )
    ends = time_zones.named(Subscription.objects.get().current_period_end)

    response = client.get(reverse("billing:confirm_cancel"))

    page = " ".join(response.text.split())
    assert f"stays active until <strong>{ends}</strong>" in page
    plan, topup = response.context["grants"]
    assert f"yours until {time_zones.named(plan.expires_at)}" in page
    assert f"{gpu_time(topup.remaining)}</span></dt> <dd>doesn’t expire" in page
    assert "2,900</span></dt><dd>doesn’t expire" in page
    assert "Your change to Basic" in page
    assert f'action="{reverse("billing:cancel")}"' in page
    assert not Subscription.objects.get().cancel_at_period_end


def test_a_years_months_go_on_until_it_ends(client: Client, bob: User) -> None:
    subscription = provider.subscribe(bob, "basic", Interval.YEAR)
    client.force_login(bob)

    page = client.get(reverse("billing:confirm_cancel")).text

    assert (
        f"each month, the last before {time_zones.named(subscription.current_period_end)}" in page
    )


def test_before_ending_an_unpaid_plan_one_page_says_so(client: Client, subscriber: User) -> None:
    Subscription.objects.update(status=Subscription.Status.PAST_DUE)

    page = client.get(reverse("billing:confirm_cancel"), follow=True)

    assert page.redirect_chain == [(reverse("billing:confirm_end"), 302)]
    assert "Your plan will end now, and you will owe nothing" in page.text
    assert f'action="{reverse("billing:end")}"' in page.text


def test_a_paid_plan_is_not_offered_to_end_now(client: Client, subscriber: User) -> None:
    response = client.get(reverse("billing:confirm_end"))

    assert response.url == reverse("billing:confirm_cancel")  # type: ignore[attr-defined]


def test_a_canceled_plan_has_nothing_to_confirm(client: Client, subscriber: User) -> None:
    plan_changes.cancel(subscriber)

    response = client.get(reverse("billing:confirm_cancel"))

    assert response.url == reverse("billing:plan")  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", ["confirm_cancel", "confirm_end"])
def test_without_a_plan_there_is_nothing_to_confirm(client: Client, bob: User, name: str) -> None:
    url = reverse(f"billing:{name}")
    assert client.get(url).url == f"{reverse('account_login')}?next={url}"  # type: ignore[attr-defined]
    client.force_login(bob)

    page = client.get(url, follow=True).text

    assert "You have no subscription that could be changed." in page
    assert client.post(url).status_code == 405


def test_changing_a_canceled_plan_says_that_it_goes_on(client: Client, subscriber: User) -> None:
    plan_changes.cancel(subscriber)

    page = client.get(UPGRADE).text

    assert "Changing it takes that back." in page
    client.post(UPGRADE, {"token": token_on(page)})
    assert not Subscription.objects.get().cancel_at_period_end


@pytest.fixture
def past_due(subscriber: User) -> Subscription:
    subscription = Subscription.objects.get(user=subscriber)
    sandbox.renew(subscription.provider_subscription_id, card_works=False)
    row = subscriptions.synchronize(subscription.provider_subscription_id)
    assert row is not None and row.is_past_due
    return row


def test_ending_a_plan_now(client: Client, past_due: Subscription) -> None:
    response = client.post(reverse("billing:end"), follow=True)

    assert "you owe nothing" in response.text
    assert Subscription.objects.get().status == Subscription.Status.CANCELED


def test_a_past_due_plan_that_is_canceled_too_can_end_now(
    client: Client, past_due: Subscription
) -> None:
    Subscription.objects.update(cancel_at_period_end=True)

    page = client.get(reverse("billing:confirm_end"))

    assert f'action="{reverse("billing:end")}"' in page.text


@pytest.mark.parametrize("event_is_late", [True, False])
def test_a_plan_that_was_paid_meanwhile_does_not_end(
    client: Client, past_due: Subscription, event_is_late: bool
) -> None:
    sandbox.pay_invoice(SandboxObject.objects.filter(type="invoice").latest("created_at").pk)
    if not event_is_late:
        subscriptions.synchronize(past_due.provider_subscription_id)

    response = client.post(reverse("billing:end"), follow=True)

    assert response.redirect_chain == [(reverse("billing:confirm_cancel"), 302)]
    assert "Please look again." in response.text
    assert Subscription.objects.get().status == Subscription.Status.ACTIVE


@pytest.mark.parametrize("event_is_late", [True, False])
def test_a_plan_that_became_past_due_is_not_canceled_but_offered_to_end(
    client: Client, past_due: Subscription, event_is_late: bool
) -> None:
    if event_is_late:
        Subscription.objects.update(status=Subscription.Status.ACTIVE)

    response = client.post(reverse("billing:cancel"), follow=True)

    assert response.redirect_chain[-1] == (reverse("billing:confirm_end"), 302)
    assert "Please look again." in response.text
    row = Subscription.objects.get()
    assert (row.status, row.cancel_at_period_end) == (Subscription.Status.PAST_DUE, False)


@pytest.mark.parametrize("verb", VERBS)
def test_without_a_plan_there_is_nothing_to_change(client: Client, bob: User, verb: str) -> None:
    client.force_login(bob)

    response = client.post(reverse(f"billing:{verb}"), follow=True)

    assert "You have no subscription that could be changed." in response.text
    assert "You have no subscription" in client.get(UPGRADE, follow=True).text


@pytest.mark.parametrize("verb", VERBS)
def test_only_the_owner_changes_and_only_by_a_button(
    client: Client, subscriber: User, verb: str
) -> None:
    url = reverse(f"billing:{verb}")

    assert client.get(url).status_code == 405
    client.logout()
    assert client.post(url).url == f"{reverse('account_login')}?next={url}"  # type: ignore[attr-defined]
    assert client.get(UPGRADE).url == f"{reverse('account_login')}?next={UPGRADE}"  # type: ignore[attr-defined]
    row = Subscription.objects.get()
    assert (row.status, row.cancel_at_period_end) == (Subscription.Status.ACTIVE, False)


def test_other_methods_are_refused(client: Client, subscriber: User) -> None:
    assert client.put(UPGRADE).status_code == 405
