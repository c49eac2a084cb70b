"""The admin of money: corrections with a reason, and events processed again."""

import re

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from billing import ledger, subscriptions
from billing.models import Entry, Payment, StripeEvent, Subscription, Unit
from billing.providers import sandbox
from tests import factories
from tests.billing import provider
from tests.billing.books import assert_books_balance, balance, fund
from tests.billing.conftest import Clock

pytestmark = pytest.mark.django_db

WALLETS = reverse("admin:billing_wallet_changelist")
EVENTS = reverse("admin:billing_stripeevent_changelist")


def adjust(client: Client, user: User, *, wallet_unit: Unit = Unit.GPU_MS, **values: object) -> str:
    """Adjust from the list, with the token that it has now; returns what the page says then."""
    token = re.search(r'name="token" value="([^"]+)"', client.get(WALLETS).text)
    wallet = ledger.wallet_of(user, wallet_unit)
    data = {"action": "adjust", "_selected_action": [wallet.pk], "unit": wallet_unit, **values}
    if token:
        data.setdefault("token", token[1])
    return client.post(WALLETS, data, follow=True).text


@pytest.mark.usefixtures("root")
@pytest.mark.parametrize(
    ("minutes", "amount", "left"), [("1.5", 90_000, 150_000), ("-0.4", -24_000, 36_000)]
)
def test_a_correction_is_an_entry_with_a_reason_and_a_name(
    client: Client, alice: User, minutes: str, amount: int, left: int
) -> None:
    fund(alice, 60_000)

    page = adjust(client, alice, amount=minutes, reason="An outage")

    assert "Adjusted" in page
    assert balance(alice) == left
    entry = Entry.objects.latest("id")
    assert (entry.kind, entry.amount, entry.note) == (
        "adjustment",
        amount,
        "An outage (root@example.com)",
    )
    assert_books_balance()


@pytest.mark.usefixtures("root")
@pytest.mark.parametrize(
    "values",
    [
        {"amount": 5},
        {"reason": "x"},
        {"amount": 0, "reason": "x"},
        {"amount": 5, "unit": "", "reason": "x"},
        {"amount": "NaN", "reason": "x"},
        {"amount": "1e400", "reason": "x"},
        {"amount": "0.0001", "reason": "x"},
    ],
)
def test_a_correction_needs_an_amount_and_a_reason(
    client: Client, alice: User, values: dict[str, object]
) -> None:
    page = adjust(client, alice, **values)

    assert "An adjustment needs an amount, its unit and a reason." in page
    assert balance(alice) == 0


@pytest.mark.usefixtures("root")
def test_more_than_is_left_is_not_taken(client: Client, alice: User) -> None:
    fund(alice, 60_000)

    page = adjust(client, alice, amount="-1.001", reason="x")

    assert "does not cover this" in page
    assert balance(alice) == 60_000


@pytest.mark.usefixtures("root")
def test_a_form_that_is_sent_twice_corrects_once(client: Client, alice: User) -> None:
    token = "4d3f8e52-9f0e-4f0e-8f0e-4d3f8e529f0e"

    for _ in range(2):
        adjust(client, alice, amount=1, reason="x", token=token)

    assert balance(alice) == 60_000


@pytest.mark.usefixtures("root")
def test_a_correction_says_what_is_there_now_in_the_units_that_people_use(
    client: Client, alice: User
) -> None:
    fund(alice, 2_899_119, unit=Unit.CREDITS)

    page = adjust(client, alice, wallet_unit=Unit.CREDITS, amount="0.881", reason="x")

    assert "Adjusted alice@example.com by 0.881 credits. The balance is now 2,900 credits." in page
    assert "2,900 credits</td>" in page
    assert "GPU milliseconds" not in page
    assert "Token" not in page


@pytest.mark.usefixtures("root")
def test_minutes_are_not_taken_for_credits(client: Client, alice: User) -> None:
    page = adjust(client, alice, unit=Unit.CREDITS, amount=5, reason="x")

    assert "A selected wallet has another unit." in page
    assert balance(alice) == 0


def test_who_may_only_look_corrects_nothing(client: Client, alice: User) -> None:
    staff = factories.make_user("staff@example.com", is_staff=True)
    staff.user_permissions.add(Permission.objects.get(codename="view_wallet"))
    client.force_login(staff)

    adjust(client, alice, amount=1, reason="x")

    assert balance(alice) == 0


def an_event(**fields: object) -> StripeEvent:
    number = StripeEvent.objects.count()
    return StripeEvent.objects.create(id=f"evt_{number}", type="x", payload={}, **fields)


@pytest.mark.usefixtures("root")
def test_an_event_that_was_given_up_is_processed_again(client: Client) -> None:
    event = an_event(attempts=StripeEvent.MAX_ATTEMPTS, error="ValueError: no")

    data = {"action": "process_again", "_selected_action": [event.pk]}
    page = client.post(EVENTS, data, follow=True).text

    assert "Events to be processed again: 1" in page
    assert StripeEvent.objects.ids() == [event.pk]


@pytest.mark.usefixtures("root")
@pytest.mark.parametrize(
    ("state", "shown"),
    [
        ("waiting", {"evt_0", "evt_1", "evt_2"}),
        ("failed", {"evt_1"}),
        ("given_up", {"evt_2"}),
        ("processed", {"evt_3"}),
        ("", {"evt_0", "evt_1", "evt_2", "evt_3"}),
    ],
)
def test_events_are_filtered_by_what_became_of_them(
    client: Client, state: str, shown: set[str]
) -> None:
    for attempts in (0, 3, StripeEvent.MAX_ATTEMPTS):
        an_event(attempts=attempts)
    an_event(processed_at=timezone.now())

    page = client.get(EVENTS, {"state": state}).text

    assert set(re.findall(r">(evt_\d)<", page)) == shown


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
def in_arrears(alice: User, clock: Clock) -> User:
    """Alice's renewal failed."""
    subscription = provider.subscribe(alice)
    clock.at = subscription.current_period_end
    sandbox.renew(subscription.provider_subscription_id, card_works=False)
    subscriptions.synchronize(subscription.provider_subscription_id)
    return alice


@pytest.mark.parametrize("name", LISTS)
def test_every_list_is_shown_and_nothing_can_be_written(
    client: Client, root: User, in_arrears: User, name: str
) -> None:
    ledger.hold(in_arrears, unit=Unit.GPU_MS, amount=10, reference="job:1")
    for event in provider.events():
        provider.store(event)
    url = reverse(f"admin:billing_{name}_changelist")

    assert client.get(url).status_code == 200
    assert client.get(url, {"q": "alice@example.com"}).status_code == 200
    assert client.get(reverse(f"admin:billing_{name}_add")).status_code == 403


def test_failed_payments_say_who_how_often_and_until_when(
    client: Client, root: User, in_arrears: User, bob: User
) -> None:
    provider.subscribe(bob)

    page = client.get(reverse("admin:billing_failedpayment_changelist")).text

    assert "alice@example.com" in page
    assert "$10.00" in page
    assert "bob@example.com" not in page


def test_the_provider_can_be_asked_again(client: Client, root: User, in_arrears: User) -> None:
    payment = Payment.objects.get(status=Payment.Status.OPEN)
    sandbox.recover(payment.provider_subscription_id)

    client.post(
        reverse("admin:billing_failedpayment_changelist"),
        {"action": "look_again", "_selected_action": [payment.pk]},
    )

    assert Subscription.objects.get().status == Subscription.Status.ACTIVE


@pytest.mark.parametrize("name", LISTS)
def test_customers_see_none_of_it(client: Client, alice: User, name: str) -> None:
    client.force_login(alice)

    response = client.get(reverse(f"admin:billing_{name}_changelist"))

    assert response.status_code == 302
    assert "login" in response.url  # type: ignore[attr-defined]
