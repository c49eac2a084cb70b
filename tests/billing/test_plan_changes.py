"""Changes of a subscription, with their prices and minutes."""

from datetime import timedelta

import pytest

from accounts.models import User
from billing import plan_changes, subscriptions
from billing.models import Customer, Interval, Payment, SandboxObject, Subscription
from billing.plans import PLANS, TRIAL, Plan, plan_of
from billing.providers import sandbox
from billing.providers.protocol import CardDeclined
from tests.billing import provider
from tests.billing.books import assert_books_balance, balance
from tests.billing.conftest import Clock

pytestmark = pytest.mark.django_db

MINUTE = 60_000
BASIC_MS = 200 * MINUTE
BASIC, STANDARD, PREMIUM = PLANS["basic"], PLANS["standard"], PLANS["premium"]
MONTH, YEAR = Interval.MONTH, Interval.YEAR


def change(user: User, plan: Plan, interval: Interval = MONTH) -> str | None:
    return plan_changes.change(user, plan_changes.offer(user, plan, interval).token)


def use_card(user: User, card: sandbox.Card) -> None:
    sandbox.use_card(Customer.objects.get(user=user).provider_customer_id, card)


def half_of_the_period_passes(subscription: Subscription, clock: Clock) -> None:
    clock.at += (subscription.current_period_end - clock.at) / 2


def end_the_period(subscription: Subscription, clock: Clock) -> None:
    clock.at = subscription.current_period_end
    sandbox.renew_due()
    subscriptions.synchronize(subscription.provider_subscription_id)
    subscription.refresh_from_db()


def test_a_canceled_plan_stays_until_its_period_ends(alice: User, clock: Clock) -> None:
    subscription = provider.subscribe(alice)

    plan_changes.cancel(alice)

    subscription.refresh_from_db()
    assert subscription.cancel_at_period_end
    assert subscription.next_invoice_cents is None
    assert plan_of(alice) == BASIC
    end_the_period(subscription, clock)
    assert subscription.status == Subscription.Status.CANCELED
    assert plan_of(alice) == TRIAL
    # What is left of the last month lasts for one more, like that of any other.
    assert balance(alice) == BASIC_MS
    assert_books_balance()


def test_a_cancellation_can_be_undone(alice: User) -> None:
    subscription = provider.subscribe(alice)
    plan_changes.cancel(alice)

    plan_changes.resume(alice)

    subscription.refresh_from_db()
    assert not subscription.cancel_at_period_end


def test_only_a_live_subscription_can_be_changed(alice: User, bob: User) -> None:
    subscription = provider.subscribe(alice)
    plan_changes.cancel(alice)
    sandbox.renew(subscription.provider_subscription_id)
    subscriptions.synchronize(subscription.provider_subscription_id)

    for user in (alice, bob):
        for verb in (plan_changes.cancel, plan_changes.resume, plan_changes.keep, plan_changes.end):
            with pytest.raises(plan_changes.NotSubscribed):
                verb(user)
        with pytest.raises(plan_changes.NotSubscribed):
            plan_changes.offer(user, PREMIUM, MONTH)


def test_an_upgrade_is_offered_with_its_price_and_its_minutes(alice: User, clock: Clock) -> None:
    subscription = provider.subscribe(alice)
    half_of_the_period_passes(subscription, clock)

    offer = plan_changes.offer(alice, PREMIUM, MONTH)

    assert offer.at_once
    assert offer.due_cents == (60_00 - 10_00) // 2
    assert offer.gpu_ms == (2_000 - 200) * MINUTE // 2
    assert offer.renewal_cents == 60_00
    # Nothing has happened yet.
    assert plan_of(alice) == BASIC
    assert balance(alice) == BASIC_MS


def test_an_upgrade_costs_and_brings_just_what_was_offered(alice: User, clock: Clock) -> None:
    subscription = provider.subscribe(alice)
    half_of_the_period_passes(subscription, clock)
    offer = plan_changes.offer(alice, PREMIUM, MONTH)
    clock.advance(minutes=10)

    plan_changes.change(alice, offer.token)

    assert plan_of(alice) == PREMIUM
    assert Payment.objects.latest("created_at").cents == offer.due_cents
    assert balance(alice) == BASIC_MS + offer.gpu_ms
    subscription.refresh_from_db()
    assert subscription.next_invoice_cents == 60_00
    assert_books_balance()


def test_of_two_browsers_that_upgrade_at_once_one_is_heard(alice: User) -> None:
    provider.subscribe(alice)
    first, second = (plan_changes.offer(alice, plan, MONTH) for plan in (STANDARD, PREMIUM))

    plan_changes.change(alice, first.token)
    with pytest.raises(plan_changes.OfferExpired):
        plan_changes.change(alice, second.token)
    with pytest.raises(plan_changes.SamePlan):
        plan_changes.change(alice, first.token)

    assert plan_of(alice) == STANDARD
    assert Payment.objects.count() == 2
    assert_books_balance()


def test_an_offer_holds_for_a_quarter_of_an_hour(
    alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider.subscribe(alice)
    offer = plan_changes.offer(alice, PREMIUM, MONTH)
    monkeypatch.setattr(plan_changes, "OFFER_SECONDS", -1)

    with pytest.raises(plan_changes.OfferExpired):
        plan_changes.change(alice, offer.token)

    assert plan_of(alice) == BASIC


@pytest.mark.parametrize("token", ["", "made up", "WzFd:1:2"])
def test_an_offer_that_was_made_up_is_refused(alice: User, token: str) -> None:
    provider.subscribe(alice)

    with pytest.raises(plan_changes.OfferExpired):
        plan_changes.change(alice, token)


def test_an_offer_to_somebody_else_is_refused(alice: User, bob: User) -> None:
    provider.subscribe(alice)
    provider.subscribe(bob)
    offer = plan_changes.offer(alice, PREMIUM, MONTH)

    with pytest.raises(plan_changes.OfferExpired):
        plan_changes.change(bob, offer.token)

    assert plan_of(bob) == BASIC


def test_changing_to_the_same_plan_is_no_change(alice: User) -> None:
    provider.subscribe(alice)

    with pytest.raises(plan_changes.SamePlan):
        plan_changes.offer(alice, BASIC, MONTH)


def test_a_card_that_is_declined_leaves_everything_as_it_was(alice: User) -> None:
    provider.subscribe(alice)
    use_card(alice, sandbox.Card.DECLINE)

    with pytest.raises(CardDeclined):
        change(alice, PREMIUM)

    assert plan_of(alice) == BASIC
    assert balance(alice) == BASIC_MS
    use_card(alice, sandbox.Card.GOOD)
    change(alice, PREMIUM)
    assert plan_of(alice) == PREMIUM
    assert_books_balance()


def test_a_declined_card_does_not_withdraw_a_cancellation(alice: User) -> None:
    subscription = provider.subscribe(alice)
    plan_changes.cancel(alice)
    use_card(alice, sandbox.Card.DECLINE)

    with pytest.raises(CardDeclined):
        change(alice, PREMIUM)
    subscriptions.synchronize(subscription.provider_subscription_id)

    subscription.refresh_from_db()
    assert subscription.cancel_at_period_end
    use_card(alice, sandbox.Card.GOOD)
    change(alice, PREMIUM)
    subscription.refresh_from_db()
    assert not subscription.cancel_at_period_end


def test_a_bank_that_asks_first_is_waited_for(alice: User) -> None:
    subscription = provider.subscribe(alice)
    use_card(alice, sandbox.Card.CONFIRM)

    page = change(alice, PREMIUM)

    invoice = SandboxObject.objects.filter(type="invoice").latest("created_at")
    assert page is not None and invoice.pk in page
    subscription.refresh_from_db()
    assert subscription.awaits_confirmation
    assert plan_of(alice) == BASIC
    sandbox.pay_invoice(invoice.pk)
    subscriptions.synchronize(subscription.provider_subscription_id)
    subscription.refresh_from_db()
    assert not subscription.awaits_confirmation
    assert plan_of(alice) == PREMIUM
    assert_books_balance()


def waiting_upgrade_of_a_canceled_plan(user: User) -> SandboxObject:
    """The invoice of an upgrade whose payment is to be confirmed."""
    plan_changes.cancel(user)
    use_card(user, sandbox.Card.CONFIRM)
    assert change(user, PREMIUM) is not None
    # The first one was made at the same time, where the clock stands still.
    return SandboxObject.objects.get(type="invoice", data__status="open")


def test_an_upgrade_that_is_never_confirmed_leaves_a_canceled_plan_canceled(
    alice: User, clock: Clock
) -> None:
    subscription = provider.subscribe(alice)
    invoice = waiting_upgrade_of_a_canceled_plan(alice)

    subscription.refresh_from_db()
    assert (subscription.awaits_confirmation, subscription.cancel_at_period_end) == (True, True)
    end_the_period(subscription, clock)

    assert subscription.status == Subscription.Status.CANCELED
    assert not subscription.awaits_confirmation
    # Its page can't bring the plan back.
    sandbox.pay_invoice(invoice.pk)
    subscriptions.synchronize(subscription.provider_subscription_id)
    assert plan_of(alice) == TRIAL
    assert Payment.objects.get(invoice_id=invoice.pk).status == Payment.Status.VOID
    assert_books_balance()


def test_an_upgrade_that_is_confirmed_resumes_a_canceled_plan(alice: User) -> None:
    subscription = provider.subscribe(alice)
    invoice = waiting_upgrade_of_a_canceled_plan(alice)

    sandbox.pay_invoice(invoice.pk)
    subscriptions.synchronize(subscription.provider_subscription_id)

    subscription.refresh_from_db()
    assert not subscription.cancel_at_period_end
    assert plan_of(alice) == PREMIUM
    assert_books_balance()


def test_an_upgrade_waits_for_its_confirmation_for_less_than_a_day(
    alice: User, clock: Clock
) -> None:
    subscription = provider.subscribe(alice)
    use_card(alice, sandbox.Card.CONFIRM)
    change(alice, PREMIUM)

    clock.advance(hours=23)
    sandbox.renew_due()
    subscriptions.synchronize(subscription.provider_subscription_id)

    subscription.refresh_from_db()
    assert subscription.status == Subscription.Status.ACTIVE
    assert not subscription.awaits_confirmation
    assert not Payment.objects.filter(status=Payment.Status.OPEN).exists()
    assert plan_of(alice) == BASIC


def test_canceling_drops_an_upgrade_that_waits(alice: User) -> None:
    subscription = provider.subscribe(alice)
    use_card(alice, sandbox.Card.CONFIRM)
    change(alice, PREMIUM)

    plan_changes.cancel(alice)

    subscription.refresh_from_db()
    assert (subscription.awaits_confirmation, subscription.cancel_at_period_end) == (False, True)
    assert not Payment.objects.filter(status=Payment.Status.OPEN).exists()


def test_a_downgrade_waits_for_the_periods_end(alice: User, clock: Clock) -> None:
    subscription = provider.subscribe(alice, "premium")
    half_of_the_period_passes(subscription, clock)

    offer = plan_changes.offer(alice, BASIC, MONTH)
    plan_changes.change(alice, offer.token)

    assert (offer.at_once, offer.due_cents, offer.at) == (
        False,
        0,
        subscription.current_period_end,
    )
    subscription.refresh_from_db()
    assert (subscription.plan, subscription.next_plan) == ("premium", "basic")
    assert subscription.next_invoice_cents == 10_00
    assert balance(alice) == 2_000 * MINUTE
    end_the_period(subscription, clock)
    assert (subscription.plan, subscription.next_plan) == ("basic", "")
    # And what is left of the large month.
    assert balance(alice) == (2_000 + 200) * MINUTE
    assert Payment.objects.latest("created_at").cents == 10_00
    assert_books_balance()


def test_a_downgrade_can_be_undone(alice: User, clock: Clock) -> None:
    subscription = provider.subscribe(alice, "premium")
    change(alice, BASIC)

    plan_changes.keep(alice)

    end_the_period(subscription, clock)
    assert (subscription.plan, subscription.next_plan) == ("premium", "")


def test_canceling_takes_the_place_of_a_downgrade_and_the_other_way_round(
    alice: User, clock: Clock
) -> None:
    subscription = provider.subscribe(alice, "premium")
    change(alice, BASIC)

    plan_changes.cancel(alice)
    subscription.refresh_from_db()
    assert (subscription.cancel_at_period_end, subscription.next_plan) == (True, "")

    change(alice, BASIC)
    subscription.refresh_from_db()
    assert (subscription.cancel_at_period_end, subscription.next_plan) == (False, "basic")


def test_an_upgrade_takes_the_place_of_a_downgrade(alice: User) -> None:
    subscription = provider.subscribe(alice, "standard")
    change(alice, BASIC)

    change(alice, PREMIUM)

    subscription.refresh_from_db()
    assert (subscription.plan, subscription.next_plan) == ("premium", "")


def test_from_month_to_year_a_new_period_begins_at_once(alice: User, clock: Clock) -> None:
    subscription = provider.subscribe(alice)
    half_of_the_period_passes(subscription, clock)
    offer = plan_changes.offer(alice, BASIC, YEAR)

    plan_changes.change(alice, offer.token)

    subscription.refresh_from_db()
    assert subscription.interval == YEAR
    assert subscription.current_period_start == clock.at
    assert subscription.current_period_end - clock.at >= timedelta(days=365)
    assert offer.due_cents == 100_00 - 5_00
    assert balance(alice) == BASIC_MS + offer.gpu_ms
    assert_books_balance()


def test_from_year_to_month_waits_for_the_years_end(alice: User, clock: Clock) -> None:
    subscription = provider.subscribe(alice, interval=YEAR)

    change(alice, PREMIUM, MONTH)

    subscription.refresh_from_db()
    assert (subscription.interval, subscription.next_interval) == (YEAR, MONTH)
    end_the_period(subscription, clock)
    assert (subscription.plan, subscription.interval) == ("premium", MONTH)


def test_an_upgrade_in_mid_year_brings_the_difference_in_every_month_to_come(
    alice: User, clock: Clock
) -> None:
    provider.subscribe(alice, interval=YEAR)
    clock.advance(days=10)

    change(alice, PREMIUM, YEAR)

    months = Payment.objects.latest("created_at").months
    assert len(months) == 12
    assert {month["gpu_ms"] for month in months[1:]} == {(2_000 - 200) * MINUTE}


def test_with_an_open_invoice_it_is_paid_first(alice: User, clock: Clock) -> None:
    subscription = provider.subscribe(alice)
    sandbox.renew(subscription.provider_subscription_id, card_works=False)
    subscriptions.synchronize(subscription.provider_subscription_id)

    with pytest.raises(plan_changes.PaymentFirst):
        plan_changes.offer(alice, PREMIUM, MONTH)


def test_who_does_not_want_to_pay_any_more_owes_nothing_and_keeps_what_was_paid(
    alice: User, clock: Clock
) -> None:
    subscription = provider.subscribe(alice)
    provider.buy(alice, "minutes-100")
    clock.at = subscription.current_period_end
    sandbox.renew(subscription.provider_subscription_id, card_works=False)
    subscriptions.synchronize(subscription.provider_subscription_id)

    plan_changes.end(alice)

    subscription.refresh_from_db()
    assert subscription.status == Subscription.Status.CANCELED
    assert not Payment.objects.filter(status=Payment.Status.OPEN).exists()
    assert balance(alice) == BASIC_MS + 100 * MINUTE
    assert_books_balance()
