"""A cancellation that a change of plan has withdrawn comes back, however long the provider is away."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial

import pytest
from django.db.models.functions import Now

from accounts.admin_tools import Urgency
from accounts.models import User
from billing import alerts, owed_cancellations, plan_changes, subscriptions
from billing.models import Customer, Interval, OwedCancellation, Subscription
from billing.payments import Contended
from billing.plans import PLANS, Plan
from billing.providers import gateway, sandbox
from billing.providers.objects import ProviderSubscription
from billing.providers.protocol import CardDeclined, ProviderUnavailable
from tests.billing import provider

pytestmark = pytest.mark.django_db

BASIC, STANDARD, PREMIUM = PLANS["basic"], PLANS["standard"], PLANS["premium"]
CANCELING = {("set_cancel_at_period_end", True)}
SCHEDULING = {("schedule_change", None)}


class Outage:
    """The sandbox's gateway, some of whose calls fail: `of` are methods with their `cancel`."""

    def __init__(self) -> None:
        self.of: set[tuple[str, bool | None]] = set()
        self.error: BaseException = ProviderUnavailable()

    def call(self, method: Callable[..., object], *arguments: object, **options: object) -> object:
        if (method.__name__, options.get("cancel")) in self.of:
            raise self.error
        return method(*arguments, **options)


@pytest.fixture
def outage(monkeypatch: pytest.MonkeyPatch) -> Outage:
    outage = Outage()
    for name in ("schedule_change", "set_cancel_at_period_end"):
        method = getattr(gateway(), name)
        monkeypatch.setattr(
            sandbox.SandboxGateway, name, staticmethod(partial(outage.call, method))
        )
    return outage


@pytest.fixture
def canceled(alice: User) -> Subscription:
    """A plan that its owner has canceled."""
    subscription = provider.subscribe(alice, "standard")
    plan_changes.cancel(alice)
    return subscription


@pytest.fixture
def owed(alice: User, canceled: Subscription, outage: Outage) -> OwedCancellation:
    """What an outage after the first step of a downgrade leaves, once that is over."""
    outage.of = CANCELING | SCHEDULING
    with pytest.raises(ProviderUnavailable):
        change(alice, BASIC)
    outage.of = set()
    assert not remote(canceled).cancel_at_period_end
    return OwedCancellation.objects.get()


def change(user: User, plan: Plan) -> None:
    plan_changes.change(user, plan_changes.offer(user, plan, Interval.MONTH).token)


def use_card(user: User, card: sandbox.Card) -> None:
    sandbox.use_card(Customer.objects.get(user=user).provider_customer_id, card)


def remote(subscription: Subscription) -> ProviderSubscription:
    return gateway().retrieve_subscription(subscription.provider_subscription_id)


def try_again() -> None:
    """Do what beat has done once the pause is over."""
    OwedCancellation.objects.update(due_at=Now() - timedelta(seconds=1))
    for subscription_id in OwedCancellation.objects.ids():
        owed_cancellations.retry(subscription_id)


def test_it_comes_back_after_the_outage(canceled: Subscription, owed: OwedCancellation) -> None:
    try_again()

    assert remote(canceled).cancel_at_period_end
    assert not OwedCancellation.objects.exists()


def test_it_is_tried_until_the_provider_takes_it(
    canceled: Subscription, owed: OwedCancellation, outage: Outage
) -> None:
    outage.of = CANCELING
    try_again()

    owed.refresh_from_db()
    assert (owed.attempts, owed.error[:19]) == (2, "ProviderUnavailable")
    assert OwedCancellation.objects.ids() == [], "it pauses first"
    outage.of = set()
    try_again()
    assert remote(canceled).cancel_at_period_end


def test_it_is_tried_only_when_it_is_due(canceled: Subscription, owed: OwedCancellation) -> None:
    owed_cancellations.retry(str(owed.pk))

    assert not remote(canceled).cancel_at_period_end


def test_it_comes_back_after_the_process_has_ended_between_two_steps(
    alice: User, canceled: Subscription, outage: Outage
) -> None:
    outage.of, outage.error = SCHEDULING, SystemExit()
    with pytest.raises(SystemExit):
        change(alice, BASIC)
    assert not remote(canceled).cancel_at_period_end
    assert OwedCancellation.objects.ids() == [], "the change may still go on"

    try_again()

    assert remote(canceled).cancel_at_period_end


def test_what_the_customer_decides_afterwards_counts(
    alice: User, canceled: Subscription, owed: OwedCancellation
) -> None:
    subscriptions.synchronize(canceled.provider_subscription_id)

    change(alice, BASIC)
    try_again()

    after = remote(canceled)
    assert not after.cancel_at_period_end
    assert after.next_price is not None
    assert after.next_price.plan == "basic"


@pytest.mark.parametrize("verb", [plan_changes.resume, plan_changes.keep])
def test_a_plan_that_its_owner_keeps_is_not_canceled_again(
    alice: User,
    canceled: Subscription,
    owed: OwedCancellation,
    verb: Callable[[User], Subscription],
) -> None:
    verb(alice)
    try_again()

    assert not remote(canceled).cancel_at_period_end


@pytest.mark.parametrize(
    "verb", [plan_changes.resume, plan_changes.keep, partial(change, plan=PREMIUM)]
)
def test_nothing_is_decided_during_a_retry(
    alice: User,
    canceled: Subscription,
    owed: OwedCancellation,
    verb: Callable[[User], object],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cancel = gateway().set_cancel_at_period_end

    def cancel_late(_self: object, *arguments: object, **options: object) -> None:
        monkeypatch.undo()
        with pytest.raises(Contended):
            verb(alice)
        cancel(*arguments, **options)

    monkeypatch.setattr(sandbox.SandboxGateway, "set_cancel_at_period_end", cancel_late)
    try_again()

    assert remote(canceled).cancel_at_period_end
    plan_changes.resume(alice)
    assert not remote(canceled).cancel_at_period_end


def test_an_attempt_whose_lease_has_lapsed_leaves_the_row_to_the_next(
    canceled: Subscription, owed: OwedCancellation
) -> None:
    OwedCancellation.objects.update(key="later")

    owed.postpone(error="late")
    owed_cancellations.pay(owed)

    owed.refresh_from_db()
    assert (owed.key, owed.error[:19]) == ("later", "ProviderUnavailable")
    assert not remote(canceled).cancel_at_period_end


def test_it_waits_while_the_customer_changes_the_plan(
    alice: User, canceled: Subscription, owed: OwedCancellation, monkeypatch: pytest.MonkeyPatch
) -> None:
    OwedCancellation.objects.update(due_at=Now() - timedelta(seconds=1))
    schedule = gateway().schedule_change

    def schedule_while_beat_rings(_self: object, *arguments: object, **key: str) -> None:
        schedule(*arguments, **key)
        owed_cancellations.retry(str(owed.pk))

    monkeypatch.setattr(sandbox.SandboxGateway, "schedule_change", schedule_while_beat_rings)
    change(alice, BASIC)

    assert not remote(canceled).cancel_at_period_end


def test_a_change_that_fails_again_owes_it_still(
    alice: User, canceled: Subscription, owed: OwedCancellation, outage: Outage
) -> None:
    outage.of = CANCELING | SCHEDULING
    for plan in (BASIC, PREMIUM):
        with pytest.raises(ProviderUnavailable):
            change(alice, plan)
    outage.of = set()

    assert not remote(canceled).cancel_at_period_end
    try_again()
    assert remote(canceled).cancel_at_period_end


def test_an_upgrade_whose_card_is_declined_leaves_the_plan_canceled(
    alice: User, canceled: Subscription, owed: OwedCancellation
) -> None:
    use_card(alice, sandbox.Card.DECLINE)
    with pytest.raises(CardDeclined):
        change(alice, PREMIUM)

    assert remote(canceled).cancel_at_period_end
    assert not OwedCancellation.objects.exists()


def test_an_upgrade_that_is_never_confirmed_leaves_the_plan_canceled(
    alice: User, canceled: Subscription, owed: OwedCancellation
) -> None:
    use_card(alice, sandbox.Card.CONFIRM)
    change(alice, PREMIUM)

    waiting = remote(canceled)
    assert (waiting.awaits_confirmation, waiting.cancel_at_period_end) == (True, True)
    sandbox.renew(waiting.id)
    assert not remote(canceled).is_live


def test_an_upgrade_is_not_canceled_by_a_retry_beside_it(
    alice: User, canceled: Subscription, owed: OwedCancellation, monkeypatch: pytest.MonkeyPatch
) -> None:
    OwedCancellation.objects.update(due_at=Now() - timedelta(seconds=1))
    upgrade = gateway().change_plan

    def upgrade_while_beat_rings(_self: object, *arguments: object, **options: object) -> object:
        page = upgrade(*arguments, **options)
        owed_cancellations.retry(str(owed.pk))
        return page

    monkeypatch.setattr(sandbox.SandboxGateway, "change_plan", upgrade_while_beat_rings)
    change(alice, PREMIUM)

    after = remote(canceled)
    assert (after.price.plan, after.cancel_at_period_end) == ("premium", False)


def test_a_plan_that_its_owner_cancels_again_owes_nothing(
    alice: User, canceled: Subscription, owed: OwedCancellation
) -> None:
    OwedCancellation.objects.update(attempts=OwedCancellation.MAX_ATTEMPTS)
    plan_changes.cancel(alice)

    assert remote(canceled).cancel_at_period_end
    assert owed_cancellations.failed() == 0


def test_a_plan_that_ends_by_itself_owes_nothing(
    canceled: Subscription, owed: OwedCancellation
) -> None:
    OwedCancellation.objects.update(attempts=OwedCancellation.MAX_ATTEMPTS)
    gateway().end(remote(canceled), idempotency_key="at the provider")
    subscriptions.synchronize(canceled.provider_subscription_id)

    assert not OwedCancellation.objects.exists()


def test_the_next_plan_at_another_provider_owes_nothing(
    alice: User, canceled: Subscription, owed: OwedCancellation
) -> None:
    Subscription.objects.update(provider="another", provider_subscription_id="sub_there")
    provider.subscribe(alice, "basic")

    assert not OwedCancellation.objects.exists()


def test_a_retry_that_ends_unexpectedly_is_counted_and_repeated(
    canceled: Subscription, owed: OwedCancellation, outage: Outage
) -> None:
    outage.of, outage.error = CANCELING, ValueError("unknown answer")
    try_again()

    owed.refresh_from_db()
    assert owed.error == "ValueError: unknown answer"
    assert owed_cancellations.failed() == 1


def test_a_failed_change_says_why_whatever_follows(
    alice: User, canceled: Subscription, outage: Outage, monkeypatch: pytest.MonkeyPatch
) -> None:
    outage.of = SCHEDULING
    cancel = gateway().set_cancel_at_period_end

    def fail_to_cancel(*arguments: object, **options: object) -> None:
        if options["cancel"]:
            raise ValueError
        cancel(*arguments[1:], **options)

    monkeypatch.setattr(sandbox.SandboxGateway, "set_cancel_at_period_end", fail_to_cancel)
    with pytest.raises(ProviderUnavailable):
        change(alice, BASIC)

    assert owed_cancellations.failed() == 1


def test_retries_that_are_killed_are_counted(owed: OwedCancellation) -> None:
    killed = OwedCancellation.MAX_ATTEMPTS
    OwedCancellation.objects.update(error="", attempts=killed)

    assert owed_cancellations.failed() == 1


def test_nothing_is_owed_for_a_plan_that_has_ended(
    alice: User, canceled: Subscription, owed: OwedCancellation
) -> None:
    plan_changes.end(alice)

    assert not OwedCancellation.objects.exists()


def test_a_change_that_is_made_owes_nothing(alice: User, canceled: Subscription) -> None:
    change(alice, BASIC)

    assert not OwedCancellation.objects.exists()


def test_operators_are_told_until_it_is_back(owed: OwedCancellation) -> None:
    before = {concern.text: concern.urgency for concern in alerts.concerns()}
    try_again()
    after = {concern.text for concern in alerts.concerns()}

    (text,) = before.keys() - after
    assert text.startswith("1 plan may renew though its owner canceled it")
    assert before[text] == Urgency.ERROR
