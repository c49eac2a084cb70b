import pytest
from allauth.account.models import EmailAddress
from allauth.account.signals import email_confirmed

from accounts.models import User
from billing import subscriptions
from billing.models import Grant
from billing.plans import TRIAL, plan_of
from tests.billing.books import assert_books_balance, balance

pytestmark = pytest.mark.django_db


def confirm(user: User, email: str) -> None:
    address = EmailAddress.objects.create(user=user, email=email, verified=True)
    email_confirmed.send(sender=EmailAddress, request=None, email_address=address)


def test_confirming_the_address_gives_the_trials_minutes(alice: User) -> None:
    confirm(alice, alice.email)

    assert balance(alice) == TRIAL.gpu_ms == 5 * 60_000
    assert Grant.objects.get().expires_at is None
    assert plan_of(alice) == TRIAL
    assert_books_balance()


def test_a_second_address_gives_no_second_trial(alice: User) -> None:
    confirm(alice, alice.email)

    confirm(alice, "alice@example.net")

    assert balance(alice) == TRIAL.gpu_ms
    assert_books_balance()


def test_signing_up_again_with_the_address_gives_no_second_trial(alice: User, bob: User) -> None:
    subscriptions.start_trial(alice, email="alice@example.com")

    again = subscriptions.start_trial(bob, email=" Alice@Example.COM ")

    assert again is None
    assert balance(bob) == 0
    assert_books_balance()


def test_the_address_is_not_kept_in_clear(alice: User) -> None:
    confirm(alice, alice.email)

    assert "alice" not in Grant.objects.get().reference
