import json
import time
from collections.abc import Iterator
from io import StringIO

import pytest
from django.core.management import call_command
from django.test import Client
from pytest_django import Settings

from accounts.models import User
from billing import checkouts, event_inbox
from billing.models import Interval, Subscription
from billing.plans import PLANS, PRODUCTS
from billing.providers.protocol import Urls
from billing.providers.stripe import signature
from billing.providers.stripe.events import EVENT_TYPES
from tests.billing.providers.stripe.account import VISA, Object
from tests.billing.providers.stripe.server import KEY, FakeStripe

SECRET = "whsec_of_the_fake"
URLS = Urls(
    success="https://site.test/billing/success/?checkout={CHECKOUT_SESSION_ID}",
    cancel="https://site.test/plans/",
)


def synchronize() -> list[str]:
    """The lines that `manage.py stripe_sync` prints."""
    out = StringIO()
    call_command("stripe_sync", stdout=out)
    return out.getvalue().splitlines()


@pytest.fixture
def bare_stripe(settings: Settings) -> Iterator[FakeStripe]:
    """Stripe before anything is set up there."""
    with FakeStripe().running() as fake:
        settings.STRIPE_SECRET_KEY = KEY
        settings.STRIPE_WEBHOOK_SECRET = SECRET
        settings.STRIPE_API_URL = fake.url
        settings.SITE_URL = "https://site.test"
        yield fake


@pytest.fixture
def stripe(bare_stripe: FakeStripe) -> FakeStripe:
    """Stripe with the catalogue in it."""
    synchronize()
    return bare_stripe


class Life:
    """One customer's life at Stripe, with the events on their way to us when the test says so."""

    def __init__(self, stripe: FakeStripe, user: User, client: Client) -> None:
        self.account = stripe.account
        self.user = user
        self.client = client
        self.delivered = 0

    def check_out(self, plan: str = "basic", interval: Interval = Interval.MONTH) -> str:
        page = checkouts.subscribe(self.user, PLANS[plan], interval, urls=URLS)
        return page.rsplit("/", 1)[1]

    def subscribe(
        self, plan: str = "basic", interval: Interval = Interval.MONTH, *, card: str = VISA
    ) -> Subscription:
        self.account.complete(self.check_out(plan, interval), card=card)
        self.deliver()
        return Subscription.objects.get(user=self.user)

    def buy(self, product: str) -> str:
        """Pays for something once; returns the checkout's id."""
        page = checkouts.buy(self.user, PRODUCTS[product], urls=URLS)
        session_id = page.rsplit("/", 1)[1]
        self.account.complete(session_id)
        return session_id

    def deliver(self) -> None:
        """Bring every event that we asked for to the webhook, and process it."""
        fresh = self.account.events[self.delivered :]
        self.delivered = len(self.account.events)
        for event in fresh:
            if event["type"] in EVENT_TYPES:
                receive(self.client, event)

    def use_card(self, card: str) -> None:
        self.customer["card"] = card

    @property
    def customer(self) -> Object:
        (customer,) = self.account.all("customer")
        return customer

    @property
    def subscription(self) -> Object:
        return self.account.all("subscription")[0]

    @property
    def last_payment(self) -> str:
        return self.account.all("payment_intent")[0]["id"]


def sign(payload: bytes) -> str:
    return signature.sign(payload, secret=SECRET, at=int(time.time()))


def receive(client: Client, event: Object) -> None:
    payload = json.dumps(event).encode()
    response = client.post(
        "/billing/webhook/",
        payload,
        content_type="application/json",
        headers={signature.HEADER: sign(payload)},
    )
    assert response.status_code == 200
    event_inbox.process(event["id"])


@pytest.fixture
def life(stripe: FakeStripe, alice: User, client: Client) -> Life:
    return Life(stripe, alice, client)
