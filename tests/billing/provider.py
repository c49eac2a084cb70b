"""The sandbox's side of the wires in tests: its events, and short ways to make things happen there."""

import json
import time

from django.test import Client
from django.urls import reverse

from accounts.models import User
from billing import inbox, sandbox, signature, subscriptions
from billing.models import SandboxObject, Subscription
from billing.plans import PLANS
from billing.sandbox_objects import Json


def check_out(user: User, plan: str = "basic") -> str:
    """An open checkout session's id."""
    sandbox.SandboxGateway().create_checkout(
        user,
        PLANS[plan],
        success_url="http://testserver/billing/success/?checkout={CHECKOUT_SESSION_ID}",
        cancel_url="http://testserver/plans/",
        idempotency_key="",
    )
    return SandboxObject.objects.filter(type="checkout.session").latest("created_at").pk


def subscribe(user: User, plan: str = "basic") -> Subscription:
    """A paid subscription of which we know."""
    checkout_id = check_out(user, plan)
    sandbox.pay(checkout_id)
    subscription = subscriptions.activate(user, checkout_id=checkout_id)
    assert subscription is not None
    return subscription


def events() -> list[Json]:
    """Everything that the sandbox had to say, what happened at once in any order."""
    rows = SandboxObject.objects.filter(type="event").order_by("created_at")
    return [row.data for row in rows]


def post(client: Client, payload: bytes, *, header: str | None = None) -> int:
    """The status that our webhook answers with; the header is right unless given."""
    header = signature.sign(payload, at=int(time.time())) if header is None else header
    response = client.post(
        reverse("billing:webhook"),
        payload,
        content_type="application/json",
        headers={"Stripe-Signature": header},
    )
    return response.status_code


def receive(client: Client, event: Json) -> None:
    """Deliver an event and process it, as the task does."""
    assert post(client, json.dumps(event).encode()) == 200
    inbox.process(event["id"])
