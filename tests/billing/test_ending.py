"""Subscriptions that end with a deleted account."""

import pytest

from accounts.models import User
from billing import plan_changes
from billing.models import Subscription
from billing.providers import sandbox
from billing.providers.protocol import ProviderUnavailable
from tests.billing import provider
from tests.billing.books import assert_books_balance, balance

pytestmark = pytest.mark.django_db


def remote(subscription: Subscription) -> Subscription.Status:
    gateway = sandbox.SandboxGateway()
    return gateway.retrieve_subscription(subscription.provider_subscription_id).status


def test_it_ends_at_the_provider_and_here(alice: User) -> None:
    subscription = provider.subscribe(alice)

    plan_changes.end_if_live(alice)

    subscription.refresh_from_db()
    assert remote(subscription) == subscription.status == Subscription.Status.CANCELED
    assert_books_balance()


def test_it_is_safe_to_repeat(alice: User) -> None:
    subscription = provider.subscribe(alice)

    for _time in range(2):
        plan_changes.end_if_live(alice)

    assert remote(subscription) == Subscription.Status.CANCELED


def test_one_that_was_to_end_with_its_period_ends_now(alice: User) -> None:
    subscription = provider.subscribe(alice)
    plan_changes.cancel(alice)

    plan_changes.end_if_live(alice)

    assert remote(subscription) == Subscription.Status.CANCELED


def test_one_whose_card_is_refused_ends_too(alice: User) -> None:
    subscription = provider.subscribe(alice)
    sandbox.renew(subscription.provider_subscription_id, card_works=False)

    plan_changes.end_if_live(alice)

    assert remote(subscription) == Subscription.Status.CANCELED


def test_a_provider_that_is_away_is_no_end(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    subscription = provider.subscribe(alice)

    def refuse(*args: object, **kwargs: object) -> None:
        raise ProviderUnavailable

    monkeypatch.setattr(sandbox.SandboxGateway, "end", refuse)
    with pytest.raises(ProviderUnavailable):
        plan_changes.end_if_live(alice)

    subscription.refresh_from_db()
    assert subscription.is_live


def test_who_never_had_one_has_nothing_to_end(alice: User) -> None:
    plan_changes.end_if_live(alice)

    assert not Subscription.objects.exists()
    assert balance(alice) == 0
