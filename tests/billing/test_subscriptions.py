from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import User
from billing import changes, checkouts, ledger, sandbox, subscriptions
from billing.gateway import gateway
from billing.models import Grant, SandboxObject, Subscription
from billing.plans import GRACE, PLANS, TRIAL, plan_of
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


def test_a_checkout_that_is_not_paid_gives_nothing(alice: User) -> None:
    checkout_id = provider.check_out(alice)

    assert checkouts.complete(alice, checkout_id=checkout_id) is None

    assert plan_of(alice) == TRIAL
    assert balance(alice) == 0


@pytest.mark.parametrize("checkout_id", ["", "cs_unknown"])
def test_an_unknown_checkout_is_refused(alice: User, checkout_id: str) -> None:
    with pytest.raises(checkouts.NoSuchCheckout):
        checkouts.complete(alice, checkout_id=checkout_id)


def test_somebody_elses_checkout_is_refused(alice: User, bob: User) -> None:
    checkout_id = provider.check_out(alice)
    sandbox.pay(checkout_id)

    with pytest.raises(checkouts.NoSuchCheckout):
        checkouts.complete(bob, checkout_id=checkout_id)

    assert balance(bob) == 0


def test_activating_twice_gives_once(alice: User) -> None:
    checkout_id = provider.check_out(alice)
    sandbox.pay(checkout_id)

    for _ in range(2):
        sandbox.pay(checkout_id)
        checkouts.complete(alice, checkout_id=checkout_id)

    assert balance(alice) == BASIC_MS
    assert SandboxObject.objects.filter(type="subscription").count() == 1
    assert_books_balance()


def test_a_renewal_gives_the_next_months_minutes_and_the_last_ones_expire(
    alice: User, clock: Clock
) -> None:
    subscription = provider.subscribe(alice)
    clock.at = subscription.current_period_end

    sandbox.renew(subscription.provider_subscription_id)
    subscriptions.synchronize(subscription.provider_subscription_id)

    assert balance(alice) == BASIC_MS
    assert ledger.expire(timezone.now()) == 1
    assert Grant.objects.count() == 2
    assert_books_balance()


def test_a_renewal_of_which_no_event_came_is_made_up_for(alice: User, clock: Clock) -> None:
    subscription = provider.subscribe(alice)
    for _ in range(3):
        sandbox.renew(subscription.provider_subscription_id)

    subscriptions.synchronize(subscription.provider_subscription_id)

    assert Grant.objects.count() == 4
    assert_books_balance()


def test_a_canceled_plan_stays_until_its_period_ends(alice: User, clock: Clock) -> None:
    subscription = provider.subscribe(alice)

    changes.cancel(alice)

    subscription.refresh_from_db()
    assert subscription.cancel_at_period_end
    assert plan_of(alice) == PLANS["basic"]
    clock.at = subscription.current_period_end
    sandbox.renew_due()
    subscriptions.synchronize(subscription.provider_subscription_id)
    subscription.refresh_from_db()
    assert subscription.status == Subscription.Status.CANCELED
    assert plan_of(alice) == TRIAL
    assert balance(alice) == 0
    assert_books_balance()


def test_a_cancellation_can_be_undone(alice: User) -> None:
    subscription = provider.subscribe(alice)
    changes.cancel(alice)

    changes.resume(alice)

    subscription.refresh_from_db()
    assert not subscription.cancel_at_period_end


def test_only_a_live_subscription_can_be_changed(alice: User, bob: User) -> None:
    subscription = provider.subscribe(alice)
    changes.cancel(alice)
    sandbox.renew(subscription.provider_subscription_id)
    subscriptions.synchronize(subscription.provider_subscription_id)

    for user in (alice, bob):
        for verb in (changes.cancel, changes.resume):
            with pytest.raises(changes.NotSubscribed):
                verb(user)
        with pytest.raises(changes.NotSubscribed):
            subscriptions.change(user, PLANS["premium"])


def test_an_upgrade_counts_at_once_and_prorates_minutes_like_money(
    alice: User, clock: Clock
) -> None:
    subscription = provider.subscribe(alice)
    period = subscription.current_period_end - subscription.current_period_start
    clock.advance(seconds=period.total_seconds() / 2)

    subscriptions.change(alice, PLANS["premium"])

    assert plan_of(alice) == PLANS["premium"]
    assert balance(alice) == BASIC_MS + (2_000 - 200) // 2 * 60_000
    assert_books_balance()


def test_changing_to_the_same_plan_changes_nothing(alice: User) -> None:
    provider.subscribe(alice)

    subscriptions.change(alice, PLANS["basic"])

    assert balance(alice) == BASIC_MS
    assert_books_balance()


def test_a_failed_renewal_leaves_the_plans_limits_for_the_days_of_grace(
    alice: User, clock: Clock
) -> None:
    subscription = provider.subscribe(alice)
    clock.at = subscription.current_period_end
    sandbox.renew(subscription.provider_subscription_id, card_works=False)

    subscriptions.synchronize(subscription.provider_subscription_id)

    subscription.refresh_from_db()
    assert subscription.status == Subscription.Status.PAST_DUE
    assert balance(alice) == 0
    clock.at += GRACE - timedelta(seconds=1)
    assert plan_of(alice) == PLANS["basic"]
    clock.advance(seconds=1)
    assert plan_of(alice) == TRIAL
    assert_books_balance()


def test_a_recovered_payment_opens_everything_at_once(alice: User, clock: Clock) -> None:
    subscription = provider.subscribe(alice)
    clock.at = subscription.current_period_end
    sandbox.renew(subscription.provider_subscription_id, card_works=False)
    subscriptions.synchronize(subscription.provider_subscription_id)

    sandbox.recover(subscription.provider_subscription_id)
    subscriptions.synchronize(subscription.provider_subscription_id)

    subscription.refresh_from_db()
    assert subscription.status == Subscription.Status.ACTIVE
    assert balance(alice) == BASIC_MS
    assert_books_balance()


def test_who_comes_back_gets_the_new_subscription_and_old_news_dont_matter(
    alice: User, clock: Clock
) -> None:
    old = provider.subscribe(alice)
    changes.cancel(alice)
    clock.at = old.current_period_end
    sandbox.renew_due()

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


def test_the_checkouts_key_changes_with_the_subscription(alice: User) -> None:
    before = subscriptions.checkout_key(alice, PLANS["basic"])
    assert before == subscriptions.checkout_key(alice, PLANS["basic"])

    provider.subscribe(alice)

    assert before != subscriptions.checkout_key(alice, PLANS["basic"])


def test_without_a_key_the_sandbox_is_the_gateway() -> None:
    assert gateway().name == "sandbox"
