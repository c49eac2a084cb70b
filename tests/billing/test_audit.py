"""The audit names each planted difference between our rows and the provider's."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from accounts.models import User
from billing.audit import audit
from billing.models import Payment, SandboxObject, Subscription
from billing.providers import sandbox
from tests.billing import provider

pytestmark = pytest.mark.django_db


@pytest.fixture
def customer(alice: User) -> User:
    provider.subscribe(alice)
    provider.buy(alice, "minutes-100")
    return alice


def test_what_agrees_is_clean(customer: User) -> None:
    out = StringIO()

    call_command("reconcile", "--provider", stdout=out)

    assert out.getvalue() == "clean\n"


@pytest.mark.parametrize(
    ("plant", "named"),
    [
        (lambda: Subscription.objects.update(plan="premium"), "the plan is premium here"),
        (lambda: Subscription.objects.update(status="canceled"), "the status is canceled here"),
        (
            lambda: Subscription.objects.update(cancel_at_period_end=True),
            "the cancellation is True here",
        ),
        (
            lambda: Subscription.objects.update(provider_subscription_id="sub_other"),
            "and we don't know it",
        ),
        (
            lambda: Payment.objects.filter(product="basic").delete(),
            "it is not known here",
        ),
        (lambda: Payment.objects.filter(product="basic").update(cents=1), "1 paid here, 1000 paid"),
        (
            lambda: Payment.objects.filter(product="minutes-100").delete(),
            "minutes-100 was paid there, and not given here",
        ),
        (
            lambda: sandbox.refund(
                Payment.objects.get(product="basic").payment_intent_id, cents=10_00
            ),
            "0 were returned here, 1000 there",
        ),
    ],
)
def test_a_planted_difference_is_named(customer: User, plant: object, named: str) -> None:
    assert callable(plant)
    plant()
    err = StringIO()

    with pytest.raises(CommandError):
        call_command("reconcile", "--provider", stderr=err)

    assert named in err.getvalue()


def test_without_a_key_the_sandbox_is_not_asked_unless_wanted(customer: User) -> None:
    Subscription.objects.update(plan="premium")
    out = StringIO()

    call_command("reconcile", stdout=out)

    assert out.getvalue() == "clean\n"


def test_what_is_not_of_our_making_is_passed_over(customer: User) -> None:
    stranger = SandboxObject.objects.get(type="subscription")
    stranger.pk = stranger.data["id"] = "sub_stranger"
    stranger.data["metadata"] = {}
    stranger.save(force_insert=True)

    assert list(audit()) == []


def test_payments_of_earlier_releases_are_compared(customer: User) -> None:
    Payment.objects.update(account="")
    bought = Payment.objects.get(product="minutes-100")

    sandbox.refund(bought.payment_intent_id, cents=100)

    assert list(audit()) == [f"{bought.reference}: 0 were returned here, 100 there"]
