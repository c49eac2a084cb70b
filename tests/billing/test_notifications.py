"""Emails about payments and used minutes, each sent once."""

import pytest
from django.utils import timezone

from accounts.models import Mail, User
from billing import ledger, notifications, subscriptions, tasks
from billing.models import Grant, Unit
from billing.providers import sandbox
from tests.billing import provider
from tests.billing.books import balance, fund
from tests.billing.conftest import Clock

pytestmark = pytest.mark.django_db

BASIC_MS = 200 * 60_000
RECEIPT = "Your receipt: $10.00 for Basic"
EIGHTY = "You have used 80% of your minutes"
ALL = "Your minutes are used up"


def subjects(user: User) -> list[str]:
    mails = Mail.objects.filter(user=user).order_by("created_at")
    return list(mails.values_list("subject", flat=True))


def spend(user: User, amount: int) -> None:
    reference = f"job:{timezone.now():%s%f}:{balance(user)}"
    ledger.hold(user, unit=Unit.GPU_MS, amount=amount, reference=reference)
    ledger.capture(reference, amount=amount)


def spend_percent(user: User, percent: float) -> None:
    spend(user, int(BASIC_MS * percent / 100))


def test_who_pays_gets_a_receipt(alice: User) -> None:
    provider.subscribe(alice)

    [mail] = Mail.objects.filter(user=alice)
    assert mail.to == alice.email
    assert mail.subject == RECEIPT
    assert "TEST-" in mail.text


def test_one_receipt_for_each_invoice_however_often_it_is_seen(alice: User, clock: Clock) -> None:
    subscription = provider.subscribe(alice)
    clock.at = subscription.current_period_end
    sandbox.renew(subscription.provider_subscription_id)

    for _time in range(3):
        subscriptions.synchronize(subscription.provider_subscription_id)

    assert subjects(alice) == [RECEIPT] * 2


def test_a_letter_that_cannot_be_written_costs_nobody_their_minutes(
    alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("billing.emails.receipt", None)

    provider.subscribe(alice)

    assert balance(alice) == BASIC_MS
    assert subjects(alice) == []


def test_who_could_not_be_charged_is_told_once(alice: User, clock: Clock) -> None:
    subscription = provider.subscribe(alice)
    clock.at = subscription.current_period_end
    sandbox.renew(subscription.provider_subscription_id, card_works=False)

    for _time in range(3):
        subscriptions.synchronize(subscription.provider_subscription_id)

    assert subjects(alice) == [RECEIPT, "Your card was refused"]


def test_below_the_thresholds_nobody_is_told(alice: User) -> None:
    provider.subscribe(alice)
    spend_percent(alice, 79.9)

    assert notifications.send_minutes_used_to_all() == 0


def test_each_threshold_is_told_once_however_often_the_task_runs(alice: User) -> None:
    provider.subscribe(alice)
    told = []

    for percent in (80, 10, 9.9):
        spend_percent(alice, percent)
        told.append([tasks.tell_minutes() for _time in range(3)])

    assert told == [[1, 0, 0], [0, 0, 0], [1, 0, 0]]
    assert subjects(alice) == [RECEIPT, EIGHTY, ALL]


def test_who_passes_both_at_once_is_told_the_last(alice: User) -> None:
    provider.subscribe(alice)
    spend_percent(alice, 100)

    for _time in range(2):
        notifications.send_minutes_used_to_all()

    assert subjects(alice) == [RECEIPT, ALL]


def test_the_next_period_has_thresholds_of_its_own(alice: User, clock: Clock) -> None:
    subscription = provider.subscribe(alice)
    spend_percent(alice, 85)
    notifications.send_minutes_used_to_all()
    clock.at = subscription.current_period_end
    sandbox.renew(subscription.provider_subscription_id)
    subscriptions.synchronize(subscription.provider_subscription_id)

    at_its_start = notifications.send_minutes_used(alice)
    spend_percent(alice, 85)
    later = notifications.send_minutes_used(alice)

    assert (at_its_start, later) == (False, True)
    assert subjects(alice).count(EIGHTY) == 2


def test_what_was_bought_besides_does_not_hide_that_the_plans_minutes_are_gone(
    alice: User,
) -> None:
    provider.subscribe(alice)
    fund(alice, 3_600_000)
    spend_percent(alice, 100)

    notifications.send_minutes_used_to_all()

    mail = Mail.objects.get(user=alice, subject=ALL)
    assert "Left: 60 min 0 s" in mail.text


def test_a_trial_has_thresholds_too(alice: User) -> None:
    subscriptions.start_trial(alice, email=alice.email)
    spend(alice, 4 * 60_000)
    notifications.send_minutes_used_to_all()
    spend(alice, 58_000)
    notifications.send_minutes_used_to_all()

    assert subjects(alice) == [EIGHTY, ALL]


def test_a_trial_of_old_is_not_told_of_when_other_minutes_are_spent(alice: User) -> None:
    subscriptions.start_trial(alice, email=alice.email)
    spend(alice, 5 * 60_000)
    fund(alice, 60_000)
    spend(alice, 30_000)

    assert notifications.send_minutes_used(alice) is False


def test_who_spent_nothing_lately_is_not_looked_at(alice: User, clock: Clock) -> None:
    provider.subscribe(alice)
    spend_percent(alice, 90)
    clock.advance(hours=2)

    assert notifications.send_minutes_used_to_all() == 0


def test_a_closed_account_is_not_written(alice: User) -> None:
    provider.subscribe(alice)
    spend_percent(alice, 90)
    User.objects.update(is_active=False)

    assert notifications.send_minutes_used_to_all() == 0


def test_credits_of_the_api_are_not_minutes(alice: User) -> None:
    ledger.grant(alice, unit=Unit.CREDITS, amount=1_000, source=Grant.Source.PACK, reference="pack")

    assert notifications.send_minutes_used(alice) is False
