"""The sandbox in tests: helpers that buy, and that deliver its events."""

import json
import time

from django.test import Client
from django.urls import reverse

from accounts.models import User
from billing import checkouts, event_inbox
from billing.models import Interval, Payment, SandboxObject, Subscription
from billing.plans import PLANS, PRODUCTS
from billing.providers import sandbox
from billing.providers.protocol import Urls
from billing.providers.sandbox import delivery
from billing.providers.sandbox.objects import Json
from billing.providers.stripe import events as stripe_events
from billing.providers.stripe import signature

URLS = Urls(
    success="http://testserver/billing/success/?checkout={CHECKOUT_SESSION_ID}",
    cancel="http://testserver/plans/",
)


def check_out(user: User, plan: str = "basic", interval: Interval = Interval.MONTH) -> str:
    """An open checkout session's id."""
    return _id_in(checkouts.subscribe(user, PLANS[plan], interval, urls=URLS))


def check_out_once(user: User, product: str = "minutes-100") -> str:
    """The id of an open checkout session for a product."""
    return _id_in(checkouts.buy(user, PRODUCTS[product], urls=URLS))


def subscribe(user: User, plan: str = "basic", interval: Interval = Interval.MONTH) -> Subscription:
    """A paid and fulfilled subscription."""
    checkout_id = check_out(user, plan, interval)
    sandbox.pay(checkout_id)
    subscription = checkouts.complete(user, checkout_id=checkout_id)
    assert isinstance(subscription, Subscription)
    return subscription


def buy(user: User, product: str = "minutes-100") -> Payment:
    """A paid and fulfilled purchase."""
    checkout_id = check_out_once(user, product)
    sandbox.pay(checkout_id)
    payment = checkouts.complete(user, checkout_id=checkout_id)
    assert isinstance(payment, Payment)
    return payment


def _id_in(page: str) -> str:
    return page.rstrip("/").split("/")[-1]


def events() -> list[Json]:
    """All events of the sandbox, the oldest first; simultaneous ones in any order."""
    rows = SandboxObject.objects.filter(type="event").order_by("created_at")
    return [row.data for row in rows]


def store(event: Json) -> None:
    """Keep an event, as the webhook does."""
    event_inbox.store(stripe_events.from_json(event))


def sign(payload: bytes, *, at: float | None = None) -> str:
    """The sandbox's signature header for `payload`, now by default."""
    at = time.time() if at is None else at
    return signature.sign(payload, secret=delivery.secret(), at=int(at))


def post(client: Client, payload: bytes, *, header: str | None = None) -> int:
    """The status of the webhook's answer. The default header is valid."""
    header = sign(payload) if header is None else header
    response = client.post(
        reverse("billing:webhook"),
        payload,
        content_type="application/json",
        headers={signature.HEADER: header},
    )
    return response.status_code


def receive(client: Client, event: Json) -> None:
    """Deliver an event and process it, as the task does."""
    assert post(client, json.dumps(event).encode()) == 200
    event_inbox.process(event["id"])
