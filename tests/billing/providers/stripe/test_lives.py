"""The lives of customers, against a fake Stripe over HTTP."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from django.dispatch import Signal

from accounts.models import User
from billing import ledger, payments, plan_changes, plans, signals, subscriptions
from billing.models import Entry, Grant, Interval, Payment, Subscription, Unit
from billing.plans import CREDIT_PACKS, PLANS, TRIAL, plan_of
from billing.providers import gateway
from billing.providers.protocol import CardDeclined, ProviderRefused, ProviderUnavailable
from tests.billing.books import assert_books_balance, balance
from tests.billing.conftest import Clock, Told
from tests.billing.providers.stripe.account import ASKS, DECLINED, VISA
from tests.billing.providers.stripe.conftest import Life
from tests.billing.providers.stripe.server import FakeStripe

pytestmark = pytest.mark.django_db

MINUTE = 60_000
BASIC_MS = 200 * MINUTE
MONTH, YEAR = Interval.MONTH, Interval.YEAR


@pytest.fixture(autouse=True)
def _beginning(clock: Clock) -> None:
    clock.at = datetime(2027, 1, 31, 10, 30, tzinfo=UTC)


def end_period(life: Life, clock: Clock) -> None:
    """The period ends; an hour later Stripe collects for the next."""
    (item,) = life.subscription["items"]["data"]
    clock.at = datetime.fromtimestamp(item["current_period_end"], tz=UTC)
    life.account.tick()
    life.deliver()
    clock.advance(hours=1)
    life.account.tick()
    life.deliver()


def row() -> Subscription:
    return Subscription.objects.get()


def spend(user: User, amount: int) -> None:
    ledger.hold(user, unit=Unit.GPU_MS, amount=amount, reference="job:1")
    ledger.capture("job:1", amount=amount)


def change(user: User, plan: str, interval: Interval = MONTH) -> str | None:
    return plan_changes.change(user, plan_changes.offer(user, PLANS[plan], interval).token)


def test_subscribing(life: Life, alice: User) -> None:
    subscription = life.subscribe()

    assert plan_of(alice) == PLANS["basic"]
    assert balance(alice) == BASIC_MS
    assert (subscription.price_cents, subscription.currency) == (10_00, "usd")
    assert subscription.next_invoice_cents == 10_00
    payment = Payment.objects.get()
    assert (payment.status, payment.cents, payment.product) == ("paid", 10_00, "basic")
    assert payment.number.startswith("FAKE-")
    assert gateway().invoice_pdf(payment.invoice_id).endswith("/pdf")
    assert_books_balance()


def test_paying_with_a_card_whose_bank_asks_first(life: Life, alice: User) -> None:
    life.subscribe(card=ASKS)

    assert balance(alice) == BASIC_MS


def test_renewing_three_times_on_the_subscriptions_own_date(
    life: Life, alice: User, clock: Clock
) -> None:
    life.subscribe()

    ends = []
    for _ in range(3):
        end_period(life, clock)
        ends.append(row().current_period_end)

    assert [(end.month, end.day, end.hour) for end in ends] == [
        (3, 31, 10),
        (4, 30, 10),
        (5, 31, 10),
    ]
    assert Payment.objects.filter(status=Payment.Status.PAID).count() == 4
    # This month's, and what is left of the last one's.
    assert balance(alice) == 2 * BASIC_MS
    assert_books_balance()


def test_minutes_are_there_between_a_periods_end_and_its_payment(
    life: Life, alice: User, clock: Clock
) -> None:
    life.subscribe()
    spend(alice, 50 * MINUTE)

    clock.at = row().current_period_end
    life.account.tick()
    life.deliver()

    assert balance(alice) == 150 * MINUTE
    assert plan_of(alice) == PLANS["basic"]


def test_upgrading_in_mid_period(life: Life, alice: User, clock: Clock) -> None:
    life.subscribe()
    clock.advance(days=14)
    offer = plan_changes.offer(alice, PLANS["premium"], MONTH)
    assert (offer.due_cents, offer.gpu_ms) == (25_00, 900 * MINUTE)

    plan_changes.change(alice, offer.token)

    assert plan_of(alice) == PLANS["premium"]
    assert balance(alice) == BASIC_MS + 900 * MINUTE
    assert Payment.objects.latest("created_at").cents == 25_00
    life.deliver()
    assert balance(alice) == BASIC_MS + 900 * MINUTE
    end_period(life, clock)
    assert Payment.objects.latest("created_at").cents == 60_00
    assert_books_balance()


def test_upgrading_with_a_card_that_is_declined(life: Life, alice: User) -> None:
    life.subscribe()
    life.use_card(DECLINED)

    with pytest.raises(CardDeclined):
        change(alice, "premium")
    life.deliver()

    assert plan_of(alice) == PLANS["basic"]
    assert balance(alice) == BASIC_MS
    assert life.subscription["pending_update"] is None
    life.use_card(VISA)
    change(alice, "premium")
    assert plan_of(alice) == PLANS["premium"]
    assert_books_balance()


def test_a_declined_upgrade_leaves_a_canceled_plan_canceled(life: Life, alice: User) -> None:
    life.subscribe()
    plan_changes.cancel(alice)
    life.use_card(DECLINED)

    with pytest.raises(CardDeclined):
        change(alice, "premium")
    life.deliver()

    assert life.subscription["cancel_at_period_end"]
    life.use_card(VISA)
    change(alice, "premium")
    assert not life.subscription["cancel_at_period_end"]


def test_an_upgrade_that_is_never_confirmed_leaves_a_canceled_plan_canceled(
    life: Life, alice: User, clock: Clock
) -> None:
    life.subscribe()
    plan_changes.cancel(alice)
    life.use_card(ASKS)

    assert change(alice, "premium") is not None
    life.deliver()

    assert (row().awaits_confirmation, row().cancel_at_period_end) == (True, True)
    clock.advance(hours=23)
    life.account.tick()
    life.deliver()
    assert (row().awaits_confirmation, row().cancel_at_period_end) == (False, True)
    end_period(life, clock)
    assert row().status == Subscription.Status.CANCELED
    assert plan_of(alice) == TRIAL
    assert_books_balance()


def test_an_upgrade_that_is_confirmed_resumes_a_canceled_plan(life: Life, alice: User) -> None:
    life.subscribe()
    plan_changes.cancel(alice)
    life.use_card(ASKS)
    change(alice, "premium")

    life.account.pay_on_hosted_page(life.account.all("invoice")[0]["id"])
    life.deliver()

    assert not row().cancel_at_period_end
    assert plan_of(alice) == PLANS["premium"]
    assert_books_balance()


def test_canceling_drops_an_upgrade_that_waits(life: Life, alice: User) -> None:
    life.subscribe()
    life.use_card(ASKS)
    change(alice, "premium")

    plan_changes.cancel(alice)
    life.deliver()

    assert (row().awaits_confirmation, row().cancel_at_period_end) == (False, True)
    assert not Payment.objects.filter(status=Payment.Status.OPEN).exists()


def test_a_refused_downgrade_leaves_a_canceled_plan_canceled(
    stripe: FakeStripe, life: Life, alice: User
) -> None:
    subscription = life.subscribe("premium")
    plan_changes.cancel(alice)
    stripe.forbidden.add("/v1/subscription_schedules")

    with pytest.raises(ProviderRefused):
        change(alice, "basic")

    subscriptions.synchronize(subscription.provider_subscription_id)
    assert (row().cancel_at_period_end, row().next_plan) == (True, "")


def test_a_downgrade_whose_first_step_has_no_answer_leaves_a_canceled_plan_canceled(
    life: Life, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    subscription = life.subscribe("premium")
    plan_changes.cancel(alice)
    connected = type(gateway())
    really_set = connected.set_cancel_at_period_end

    def set_without_answer(*arguments: object, cancel: bool, **key: str) -> None:
        really_set(*arguments, cancel=cancel, **key)
        if not cancel:
            raise ProviderUnavailable

    monkeypatch.setattr(connected, "set_cancel_at_period_end", set_without_answer)
    with pytest.raises(ProviderUnavailable):
        change(alice, "basic")

    subscriptions.synchronize(subscription.provider_subscription_id)
    assert (row().cancel_at_period_end, row().next_plan) == (True, "")


def test_upgrading_with_a_card_whose_bank_asks_first(life: Life, alice: User) -> None:
    life.subscribe()
    life.use_card(ASKS)

    page = change(alice, "premium")

    invoice = life.account.all("invoice")[0]
    assert page == invoice["hosted_invoice_url"]
    life.deliver()
    assert plan_of(alice) == PLANS["basic"]
    assert row().awaits_confirmation
    life.account.pay_on_hosted_page(invoice["id"])
    life.deliver()
    assert plan_of(alice) == PLANS["premium"]
    assert not row().awaits_confirmation
    assert_books_balance()


def test_a_renewal_that_fails_and_recovers(
    life: Life, alice: User, clock: Clock, listen: Callable[[Signal], Told]
) -> None:
    told = listen(signals.renewal_failed)
    life.subscribe()
    life.use_card(DECLINED)

    end_period(life, clock)

    assert row().status == Subscription.Status.PAST_DUE
    assert len(told) == 1
    assert plan_of(alice) == PLANS["basic"]
    assert balance(alice) == BASIC_MS
    clock.advance(days=3)
    life.use_card(VISA)
    life.account.tick()
    life.deliver()
    assert row().status == Subscription.Status.ACTIVE
    assert balance(alice) == 2 * BASIC_MS
    assert_books_balance()


def test_a_renewal_that_is_paid_on_the_invoices_own_page(
    life: Life, alice: User, clock: Clock
) -> None:
    life.subscribe(card=ASKS)
    end_period(life, clock)
    payment = Payment.objects.get(status=Payment.Status.OPEN)
    assert gateway().invoice_page(payment.invoice_id).startswith("https://invoice.stripe.com/")

    life.account.pay_on_hosted_page(payment.invoice_id)
    life.deliver()

    assert row().status == Subscription.Status.ACTIVE
    assert balance(alice) == 2 * BASIC_MS


def test_a_renewal_that_nobody_pays(life: Life, alice: User, clock: Clock) -> None:
    life.subscribe()
    life.use_card(DECLINED)
    end_period(life, clock)
    clock.advance(days=7)
    with pytest.raises(plans.PaymentOverdue):
        plans.require_plan(alice)

    for _ in range(3):
        clock.advance(days=7)
        life.account.tick()
        life.deliver()

    assert row().status == Subscription.Status.CANCELED
    assert plans.require_plan(alice) == TRIAL
    assert_books_balance()


def test_ending_a_plan_that_is_not_paid(life: Life, alice: User, clock: Clock) -> None:
    life.subscribe()
    life.use_card(DECLINED)
    end_period(life, clock)

    plan_changes.end(alice)
    life.deliver()

    assert row().status == Subscription.Status.CANCELED
    assert Payment.objects.latest("created_at").status == Payment.Status.VOID


def test_downgrading_at_the_periods_end(life: Life, alice: User, clock: Clock) -> None:
    life.subscribe("premium")
    change(alice, "basic")
    life.deliver()
    assert (row().plan, row().next_plan, row().next_invoice_cents) == ("premium", "basic", 10_00)

    end_period(life, clock)

    assert (row().plan, row().next_plan) == ("basic", "")
    assert Payment.objects.latest("created_at").cents == 10_00
    assert_books_balance()


def test_what_comes_after_a_downgrade_can_be_changed_again(
    life: Life, alice: User, clock: Clock
) -> None:
    life.subscribe("premium")
    change(alice, "basic")
    end_period(life, clock)
    # The schedule goes on for its last phase, and Stripe refuses changes beside it.
    assert life.subscription["schedule"] is not None

    change(alice, "standard")

    assert row().plan == "standard"
    plan_changes.cancel(alice)
    assert row().cancel_at_period_end


def test_undoing_a_downgrade(life: Life, alice: User, clock: Clock) -> None:
    life.subscribe("premium")
    change(alice, "basic")

    plan_changes.keep(alice)
    life.deliver()
    end_period(life, clock)

    assert (row().plan, row().next_plan) == ("premium", "")


def test_canceling_and_undoing_it(life: Life, alice: User, clock: Clock) -> None:
    life.subscribe()
    plan_changes.cancel(alice)
    assert (row().cancel_at_period_end, row().next_invoice_cents) == (True, None)

    plan_changes.resume(alice)
    life.deliver()
    end_period(life, clock)

    assert row().status == Subscription.Status.ACTIVE
    plan_changes.cancel(alice)
    end_period(life, clock)
    assert row().status == Subscription.Status.CANCELED
    assert plan_of(alice) == TRIAL
    assert_books_balance()


def test_from_month_to_year_and_its_months(life: Life, alice: User, clock: Clock) -> None:
    life.subscribe()
    clock.advance(days=14)

    change(alice, "basic", YEAR)
    life.deliver()

    assert row().interval == YEAR
    assert row().current_period_start == clock.at
    assert Payment.objects.latest("created_at").cents == 100_00 - 5_00
    for _ in range(12):
        clock.advance(days=31)
        payments.grant_due_months()
    # One month before, twelve of the year.
    assert Grant.objects.count() == 13
    assert_books_balance()


def test_refunding(life: Life, alice: User) -> None:
    life.subscribe()
    spend(alice, 60 * MINUTE)

    life.account.refund(life.last_payment, 10_00)
    life.deliver()

    assert balance(alice) == 0
    assert Entry.objects.get(kind=Entry.Kind.REFUND).amount == -140 * MINUTE
    assert Payment.objects.get().refunded_cents == 10_00
    assert_books_balance()


def test_a_refund_that_is_heard_of_before_the_payment(life: Life, alice: User) -> None:
    life.account.complete(life.check_out())
    life.account.refund(life.last_payment, 10_00)
    life.account.events.reverse()

    life.deliver()

    assert balance(alice) == 0
    assert Payment.objects.get().returned_cents == 10_00
    assert_books_balance()


def test_disputing_and_winning(life: Life, alice: User) -> None:
    life.subscribe()
    dispute = life.account.dispute(life.last_payment)
    life.deliver()
    assert balance(alice) == 0

    life.account.close_dispute(dispute, "won")
    life.deliver()

    assert balance(alice) == BASIC_MS
    assert_books_balance()


def test_buying_a_pack(life: Life, alice: User) -> None:
    life.buy("credits-4900")

    life.deliver()

    assert ledger.available(alice, Unit.CREDITS) == CREDIT_PACKS["credits-4900"].thousandths
    payment = Payment.objects.get()
    assert (payment.cents, payment.product) == (49_00, "credits-4900")
    assert gateway().invoice_pdf(payment.invoice_id)
    life.account.refund(payment.payment_intent_id, 49_00)
    life.deliver()
    assert ledger.available(alice, Unit.CREDITS) == 0
    assert_books_balance()


def test_a_refund_of_a_pack_that_is_heard_of_before_the_payment(life: Life, alice: User) -> None:
    life.buy("minutes-100")
    life.account.refund(life.last_payment, 7_00)
    life.account.events.reverse()

    life.deliver()

    assert balance(alice) == 0
    assert_books_balance()


def test_the_portal_is_opened_for_the_customer(life: Life, alice: User) -> None:
    life.subscribe()

    page = gateway().create_portal(life.customer["id"], return_url="https://site.test/billing/")

    assert page.startswith("https://billing.stripe.com/")
    (session,) = life.account.all("billing_portal.session")
    assert session["configuration"] == life.account.all("billing_portal.configuration")[0]["id"]


def test_all_that_one_pays_is_one_customers(life: Life) -> None:
    life.subscribe()
    life.buy("minutes-100")

    assert len(life.account.all("customer")) == 1


def test_a_second_click_on_take_opens_the_same_checkout(life: Life) -> None:
    assert life.check_out() == life.check_out()

    assert len(life.account.all("checkout.session")) == 1
