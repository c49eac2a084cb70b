from datetime import timedelta

import pytest

from accounts.models import User
from billing import plan_changes, plans, subscriptions
from billing.models import Customer, Grant, Payment, SandboxObject, Subscription
from billing.plans import GRACE, PLANS, TRIAL, plan_of
from billing.providers import gateway, sandbox
from tests.billing import provider
from tests.billing.books import assert_books_balance, balance
from tests.billing.conftest import Clock

pytestmark = pytest.mark.django_db

BASIC_MS = 200 * 60_000


def test_paying_opens_the_plan_and_gives_its_minutes(alice: User) -> None:
    subscription = provider.subscribe(alice)

    assert subscription.status == Subscription.Status.ACTIVE
    assert plan_of(alice) == PLANS["basic"]
    assert balance(alice) == BASIC_MS
    given = Grant.objects.get()
    assert given.rolls_over_at == subscription.current_period_end
    assert_books_balance()


def test_what_is_left_of_a_month_lasts_for_one_more(alice: User, clock: Clock) -> None:
    subscription = provider.subscribe(alice)

    balances = []
    for _ in range(3):
        balances.append(balance(alice))
        subscription.refresh_from_db()
        clock.at = subscription.current_period_end
        sandbox.renew_due()
        subscriptions.synchronize(subscription.provider_subscription_id)

    assert balances == [BASIC_MS, 2 * BASIC_MS, 2 * BASIC_MS]
    assert_books_balance()


def test_a_renewal_of_which_no_event_came_is_made_up_for(alice: User, clock: Clock) -> None:
    subscription = provider.subscribe(alice)
    for _ in range(3):
        sandbox.renew(subscription.provider_subscription_id)

    subscriptions.synchronize(subscription.provider_subscription_id)

    assert Grant.objects.count() == 4
    assert_books_balance()


def fail_to_renew(subscription: Subscription, clock: Clock) -> None:
    clock.at = subscription.current_period_end
    sandbox.renew(subscription.provider_subscription_id, card_works=False)
    subscriptions.synchronize(subscription.provider_subscription_id)
    subscription.refresh_from_db()


def test_a_failed_renewal_leaves_everything_for_the_days_of_grace(
    alice: User, clock: Clock
) -> None:
    subscription = provider.subscribe(alice)

    fail_to_renew(subscription, clock)

    assert subscription.status == Subscription.Status.PAST_DUE
    # What is left of the last month, and nothing for this one.
    assert balance(alice) == BASIC_MS
    clock.at += GRACE - timedelta(seconds=1)
    assert plans.require_plan(alice) == plan_of(alice) == PLANS["basic"]


def test_after_the_days_of_grace_nothing_new_is_made_and_nothing_is_lost(
    alice: User, clock: Clock
) -> None:
    subscription = provider.subscribe(alice)
    fail_to_renew(subscription, clock)

    clock.at += GRACE

    with pytest.raises(plans.PaymentOverdue):
        plans.require_plan(alice)
    assert plan_of(alice) == TRIAL
    assert balance(alice) == BASIC_MS
    assert_books_balance()


def test_a_recovered_payment_opens_everything_at_once(alice: User, clock: Clock) -> None:
    subscription = provider.subscribe(alice)
    fail_to_renew(subscription, clock)
    clock.at += GRACE

    sandbox.recover(subscription.provider_subscription_id)
    subscriptions.synchronize(subscription.provider_subscription_id)

    subscription.refresh_from_db()
    assert subscription.status == Subscription.Status.ACTIVE
    assert plans.require_plan(alice) == PLANS["basic"]
    assert balance(alice) == 2 * BASIC_MS
    assert_books_balance()


def test_a_subscription_that_nobody_pays_ends_at_the_provider_and_here(
    alice: User, clock: Clock
) -> None:
    subscription = provider.subscribe(alice)
    customer = Customer.objects.get(user=alice)
    sandbox.use_card(customer.provider_customer_id, sandbox.Card.DECLINE)
    clock.at = subscription.current_period_end

    for _ in range(5):
        sandbox.renew_due()
        subscriptions.synchronize(subscription.provider_subscription_id)
        clock.advance(days=7)

    subscription.refresh_from_db()
    assert subscription.status == Subscription.Status.CANCELED
    assert plans.require_plan(alice) == TRIAL
    assert Payment.objects.latest("created_at").status == Payment.Status.VOID
    assert_books_balance()


def test_who_comes_back_gets_the_new_subscription_and_old_news_dont_matter(
    alice: User, clock: Clock
) -> None:
    old = provider.subscribe(alice)
    plan_changes.cancel(alice)
    clock.at = old.current_period_end
    sandbox.renew_due()
    clock.advance(days=40)

    new = provider.subscribe(alice, "standard")
    subscriptions.synchronize(old.provider_subscription_id)

    new.refresh_from_db()
    assert new.pk == old.pk
    assert new.provider_subscription_id != old.provider_subscription_id
    assert (new.status, plan_of(alice)) == (Subscription.Status.ACTIVE, PLANS["standard"])
    assert balance(alice) == 900 * 60_000
    assert_books_balance()


def test_a_second_live_subscription_does_not_replace_the_first_but_its_minutes_count(
    alice: User,
) -> None:
    first = provider.subscribe(alice)

    provider.subscribe(alice, "standard")

    first.refresh_from_db()
    assert first.plan == "basic"
    assert balance(alice) == BASIC_MS + 900 * 60_000
    assert_books_balance()


def test_a_subscription_that_is_not_ours_is_left_alone(alice: User) -> None:
    subscription = provider.subscribe(alice)
    stranger = SandboxObject.objects.get(pk=subscription.provider_subscription_id)
    stranger.pk = stranger.data["id"] = "sub_stranger"
    stranger.data["metadata"] = {}
    stranger.save(force_insert=True)

    assert subscriptions.synchronize("sub_stranger") is None

    assert Subscription.objects.count() == 1


def test_a_sandboxs_subscription_makes_way_once_the_site_takes_money(alice: User) -> None:
    row = provider.subscribe(alice)
    Subscription.objects.update(provider="another", provider_subscription_id="sub_another")

    subscriptions.synchronize(row.provider_subscription_id)

    row.refresh_from_db()
    assert row.provider == "sandbox"


def test_without_a_key_the_sandbox_is_the_gateway() -> None:
    assert gateway().name == "sandbox"
