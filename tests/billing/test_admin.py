"""What an operator sees of money, and the two things that can be done there."""

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from billing import inbox, ledger, sandbox, subscriptions
from billing.models import Entry, Payment, StripeEvent, Subscription, Unit
from tests.billing import provider
from tests.billing.books import assert_books_balance, balance, fund
from tests.billing.conftest import Clock

pytestmark = pytest.mark.django_db

LISTS = [
    "wallet",
    "grant",
    "hold",
    "entry",
    "customer",
    "subscription",
    "payment",
    "failedpayment",
    "stripeevent",
]


@pytest.fixture
def operator(client: Client) -> User:
    user = User.objects.create_superuser("olga@example.com", "correct horse battery")
    client.force_login(user)
    return user


@pytest.fixture
def in_arrears(alice: User, clock: Clock) -> User:
    """Alice's renewal failed."""
    subscription = provider.subscribe(alice)
    clock.at = subscription.current_period_end
    sandbox.renew(subscription.provider_subscription_id, card_works=False)
    subscriptions.synchronize(subscription.provider_subscription_id)
    return alice


@pytest.mark.parametrize("name", LISTS)
def test_every_list_is_shown_and_nothing_can_be_written(
    client: Client, operator: User, in_arrears: User, name: str
) -> None:
    ledger.hold(in_arrears, unit=Unit.GPU_MS, amount=10, reference="job:1")
    for event in provider.events():
        inbox.store(event)
    url = reverse(f"admin:billing_{name}_changelist")

    assert client.get(url).status_code == 200
    assert client.get(url, {"q": "alice@example.com"}).status_code == 200
    assert client.get(reverse(f"admin:billing_{name}_add")).status_code == 403


def test_failed_payments_say_who_how_often_and_until_when(
    client: Client, operator: User, in_arrears: User, bob: User
) -> None:
    provider.subscribe(bob)

    page = client.get(reverse("admin:billing_failedpayment_changelist")).text

    assert "alice@example.com" in page
    assert "$10.00" in page
    assert "bob@example.com" not in page


def test_the_provider_can_be_asked_again(client: Client, operator: User, in_arrears: User) -> None:
    payment = Payment.objects.get(status=Payment.Status.OPEN)
    sandbox.recover(payment.provider_subscription_id)

    client.post(
        reverse("admin:billing_failedpayment_changelist"),
        {"action": "look_again", "_selected_action": [payment.pk]},
    )

    assert Subscription.objects.get().status == Subscription.Status.ACTIVE


def test_a_correction_is_an_entry_with_a_reason_and_the_operators_name(
    client: Client, operator: User, alice: User
) -> None:
    fund(alice, 1_000)
    wallet = ledger.wallet_of(alice, Unit.GPU_MS)
    form = {
        "action": "adjust",
        "_selected_action": [wallet.pk],
        "amount": "-300",
        "reason": "Charged twice",
        "token": "6f1f6f0e-6b5e-4b6e-8f51-0d6a2f0b9a11",
    }

    for _ in range(2):
        client.post(reverse("admin:billing_wallet_changelist"), form)

    assert balance(alice) == 700
    entry = Entry.objects.get(kind=Entry.Kind.ADJUSTMENT)
    assert entry.note == "Charged twice (olga@example.com)"
    assert_books_balance()


def test_an_event_that_was_given_up_can_be_run_again(client: Client, operator: User) -> None:
    StripeEvent.objects.create(
        id="evt_1",
        type="x",
        payload={"type": "x"},
        attempts=inbox.MAX_ATTEMPTS,
        retry_at="2099-01-01T00:00Z",
    )
    assert inbox.waiting() == []

    client.post(
        reverse("admin:billing_stripeevent_changelist"),
        {"action": "process_again", "_selected_action": ["evt_1"]},
    )

    assert inbox.waiting() == ["evt_1"]


@pytest.mark.parametrize("name", LISTS)
def test_customers_see_none_of_it(client: Client, alice: User, name: str) -> None:
    client.force_login(alice)

    response = client.get(reverse(f"admin:billing_{name}_changelist"))

    assert response.status_code == 302
    assert "login" in response.url  # type: ignore[attr-defined]
