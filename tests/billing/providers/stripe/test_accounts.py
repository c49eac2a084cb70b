"""Accounts and modes at Stripe: changed, unknown, or behind a key that has expired."""

from collections.abc import Iterator
from io import StringIO

import pytest
from django.core.management import call_command
from django.test import Client
from pytest_django import Settings

from accounts import deletion
from accounts.models import User
from billing import plan_changes, subscriptions
from billing.audit import audit
from billing.models import Customer, Payment, Subscription
from billing.providers import gateway
from billing.providers.protocol import ProviderRefused
from billing.providers.stripe import client as stripe_client
from tests.billing.books import assert_books_balance
from tests.billing.providers.stripe.conftest import Life, synchronize
from tests.billing.providers.stripe.server import LIVE_KEY, FakeStripe

pytestmark = pytest.mark.django_db

PACK = "credits-2900"


@pytest.fixture
def life_after_test_mode(life: Life, stripe: FakeStripe, settings: Settings) -> Life:
    """Alice subscribed and bought in test mode; the site takes live payments since."""
    life.subscribe()
    life.buy(PACK)
    life.deliver()
    settings.STRIPE_SECRET_KEY = LIVE_KEY
    synchronize()
    after = Life(stripe, life.user, life.client)
    after.account = stripe.live
    return after


def test_a_customer_of_test_mode_gets_another_in_live_mode(
    life_after_test_mode: Life, alice: User
) -> None:
    life_after_test_mode.buy(PACK)
    life_after_test_mode.deliver()

    assert set(Customer.objects.values_list("account", flat=True)) == {
        "acct_fake test",
        "acct_fake live",
    }
    assert Payment.objects.filter(account="acct_fake live").count() == 1
    assert_books_balance()


def test_a_plan_of_test_mode_is_no_obstacle_to_one_in_live_mode(
    life_after_test_mode: Life, alice: User, client: Client
) -> None:
    client.force_login(alice)
    assert subscriptions.live(alice) is None
    assert "Change to" not in client.get("/plans/").text
    with pytest.raises(plan_changes.NotSubscribed):
        plan_changes.cancel(alice)

    response = client.post("/billing/checkout/standard/month/")

    assert response.url.startswith("https://checkout.stripe.com/")  # type: ignore[attr-defined]
    life_after_test_mode.subscribe("standard")
    row = Subscription.objects.get()
    assert (row.plan, row.account) == ("standard", "acct_fake live")


def test_payments_of_test_mode_are_not_looked_for_in_live_mode(
    life_after_test_mode: Life,
) -> None:
    out = StringIO()

    call_command("reconcile", stdout=out)

    assert out.getvalue() == "clean\n"


def test_payments_of_an_earlier_release_are_compared_in_the_account_that_knows_them(
    life: Life,
) -> None:
    life.buy(PACK)
    life.deliver()
    Payment.objects.update(account="")
    life.account.refund(life.last_payment, 29_00)

    [named] = audit()

    assert named.endswith("0 were returned here, 2900 there")


def test_a_purchase_of_an_earlier_release_gets_its_account_with_a_refund(life: Life) -> None:
    life.buy(PACK)
    life.deliver()
    Payment.objects.update(account="")

    life.account.refund(life.last_payment, 29_00)
    life.deliver()

    payment = Payment.objects.get()
    assert (payment.account, payment.refunded_cents) == ("acct_fake test", 29_00)
    assert_books_balance()


def test_payments_of_an_earlier_release_are_not_passed_over_for_a_missing_permission(
    life: Life, stripe: FakeStripe
) -> None:
    life.buy(PACK)
    life.deliver()
    Payment.objects.update(account="")
    stripe.forbidden.add("/v1/refunds")

    with pytest.raises(ProviderRefused):
        list(audit())


def test_payments_of_an_earlier_release_in_test_mode_are_left_out(
    life_after_test_mode: Life,
) -> None:
    Payment.objects.update(account="")

    assert list(audit()) == []


def test_an_invoice_of_an_earlier_release_gets_its_account(life: Life) -> None:
    subscription = life.subscribe()
    Payment.objects.update(account="")

    subscriptions.synchronize(subscription.provider_subscription_id)

    assert Payment.objects.get().account == "acct_fake test"


def test_an_account_whose_plan_is_in_test_mode_can_be_deleted(
    life_after_test_mode: Life, alice: User, caplog: pytest.LogCaptureFixture
) -> None:
    plan_changes.end_if_live(alice)

    assert "cannot be ended here" in caplog.text


@pytest.fixture
def unknown_account() -> Iterator[None]:
    """No account's id has been read yet, or will be known to other tests."""
    stripe_client.account_id.cache_clear()
    yield
    stripe_client.account_id.cache_clear()


def test_a_key_that_may_not_read_the_account_still_has_a_mode(
    stripe: FakeStripe, unknown_account: None
) -> None:
    stripe.forbidden.add("/v1/account")

    assert gateway().account == "test"
    stripe.forbidden.clear()
    assert gateway().account == "acct_fake test"


def test_while_the_account_is_unknown_the_mode_decides(
    life: Life, stripe: FakeStripe, alice: User, unknown_account: None
) -> None:
    life.subscribe()
    stripe_client.account_id.cache_clear()
    stripe.forbidden.add("/v1/account")

    assert subscriptions.live(alice) is not None
    life.buy(PACK)
    assert Customer.objects.count() == 1
    stripe.forbidden.clear()
    Subscription.objects.update(account="test")
    assert subscriptions.live(alice) is not None
    plan_changes.end_if_live(alice)
    assert life.subscription["status"] == "canceled"


def test_with_an_expired_key_a_second_plan_is_not_sold(
    life: Life, alice: User, settings: Settings, client: Client
) -> None:
    life.subscribe()
    client.force_login(alice)
    settings.STRIPE_SECRET_KEY = "sk_test_expired"

    response = client.post("/billing/checkout/standard/month/")

    assert subscriptions.live(alice) is not None
    assert "checkout.stripe.com" not in response["Location"]
    with pytest.raises(ProviderRefused):
        assert gateway().account


def test_with_an_expired_key_an_account_with_a_plan_is_not_erased(
    life: Life, alice: User, settings: Settings
) -> None:
    life.subscribe()
    working = settings.STRIPE_SECRET_KEY
    deletion.request(alice)
    settings.STRIPE_SECRET_KEY = "sk_test_expired"

    with pytest.raises(ProviderRefused):
        deletion.erase(alice.pk)

    settings.STRIPE_SECRET_KEY = working
    assert deletion.erase(alice.pk)
    assert life.subscription["status"] == "canceled"


@pytest.mark.parametrize("account", ["live", "test"])
def test_a_plan_in_an_uncertain_account_is_no_end(
    life_after_test_mode: Life, alice: User, stripe: FakeStripe, account: str, unknown_account: None
) -> None:
    if account == "live":
        stripe.forbidden.add("/v1/account")
    else:
        Subscription.objects.update(account=account)

    with pytest.raises(ProviderRefused):
        plan_changes.end_if_live(alice)


def test_a_page_that_waits_for_nothing_does_not_ask_stripe(
    life: Life, stripe: FakeStripe, alice: User, unknown_account: None
) -> None:
    life.subscribe()
    stripe_client.account_id.cache_clear()
    stripe.log.clear()

    assert not subscriptions.look_again(alice, has_gone_to_pay=True)

    assert stripe.log == []
