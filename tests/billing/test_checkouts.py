import pytest

from accounts.models import User
from billing import checkouts, ledger
from billing.models import (
    Customer,
    Grant,
    Interval,
    Payment,
    SandboxObject,
    Subscription,
    Unit,
)
from billing.plans import CREDIT_PACKS, PLANS, PRODUCTS, TRIAL, plan_of
from billing.providers import sandbox
from billing.providers.protocol import ProviderUnavailable
from tests.billing import provider
from tests.billing.books import assert_books_balance, balance

pytestmark = pytest.mark.django_db

BASIC_MS = 200 * 60_000


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


def test_a_year_costs_ten_months(alice: User) -> None:
    subscription = provider.subscribe(alice, interval=Interval.YEAR)

    payment = Payment.objects.get()
    assert payment.cents == subscription.price_cents == 10 * PLANS["basic"].price_cents
    assert subscription.interval == Interval.YEAR
    assert balance(alice) == BASIC_MS


@pytest.mark.parametrize("product_id", PRODUCTS)
def test_what_is_bought_once_is_given_once_and_does_not_expire(
    alice: User, product_id: str
) -> None:
    product = PRODUCTS[product_id]
    checkout_id = provider.check_out_once(alice, product_id)
    sandbox.pay(checkout_id)

    for _ in range(3):
        checkouts.complete(alice, checkout_id=checkout_id)
        checkouts.synchronize(checkout_id)

    assert ledger.available(alice, product.unit) == product.amount
    given = Grant.objects.get()
    assert (given.source, given.expires_at) == (product.source, None)
    payment = Payment.objects.get()
    assert (payment.status, payment.cents) == (Payment.Status.PAID, product.price_cents)
    assert payment.invoice_id
    assert_books_balance()


def test_credits_need_no_plan(alice: User) -> None:
    provider.buy(alice, "credits-2900")

    assert ledger.available(alice, Unit.CREDITS) == CREDIT_PACKS["credits-2900"].thousandths
    assert ledger.available(alice, Unit.GPU_MS) == 0
    assert not Subscription.objects.exists()


def test_a_purchase_that_is_not_paid_gives_nothing(alice: User) -> None:
    checkout_id = provider.check_out_once(alice)

    assert checkouts.complete(alice, checkout_id=checkout_id) is None
    checkouts.synchronize(checkout_id)

    assert not Payment.objects.exists()
    assert balance(alice) == 0


def test_all_that_one_pays_is_one_customers(alice: User) -> None:
    provider.buy(alice)
    provider.subscribe(alice)

    customer = Customer.objects.get()
    customers = SandboxObject.objects.filter(type="invoice").values_list("data__customer")
    assert set(customers) == {(customer.provider_customer_id,)}


def test_who_comes_back_to_the_checkout_is_asked_under_the_same_key(
    alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = []

    def create(self: object, *args: object, idempotency_key: str, **kwargs: object) -> str:
        keys.append(idempotency_key)
        raise ProviderUnavailable

    with monkeypatch.context() as patched:
        patched.setattr(sandbox.SandboxGateway, "create_checkout", create)
        for _ in range(2):
            with pytest.raises(ProviderUnavailable):
                provider.check_out(alice)
    provider.subscribe(alice)
    with monkeypatch.context() as patched:
        patched.setattr(sandbox.SandboxGateway, "create_checkout", create)
        with pytest.raises(ProviderUnavailable):
            provider.check_out(alice)

    assert keys[0] == keys[1] != keys[2]
