import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from accounts.models import User
from billing.plans import Product
from billing.providers.objects import CheckoutSession, Event, Json, Returned, Subject
from billing.providers.protocol import Gateway, InvalidEvent, Urls

TOKEN = "tally-token"
# By number.
orders: dict[str, dict[str, Any]] = {}


# Tally has no subscriptions, so a part of the protocol has no answer here.
class TallyGateway(Gateway):
    name = "tally"
    account = ""

    def create_customer(self, user: User, *, idempotency_key: str) -> str:
        return f"person-{user.pk}"

    def create_purchase(
        self,
        user: User,
        product: Product,
        *,
        customer_id: str,
        urls: Urls,
        idempotency_key: str,
    ) -> str:
        number = str(len(orders) + 1)
        orders[number] = {"user": user.pk, "product": product, "settled": False, "back": 0}
        return f"https://pay.tally.test/{number}"

    def retrieve_checkout(self, checkout_id: str) -> CheckoutSession | None:
        order = orders[checkout_id]
        product = order["product"]
        return CheckoutSession(
            id=f"tally-{checkout_id}",
            user_id=order["user"],
            is_paid=order["settled"],
            subscription_id=None,
            product=product.id,
            unit=product.unit,
            amount=product.amount,
            invoice_id="",
            payment_intent_id=f"slip-{checkout_id}",
            currency="usd",
            cents=product.price_cents,
            created_at=datetime(2026, 1, 1, tzinfo=UTC),
        )

    def returned(self, payment_intent_id: str) -> Returned:
        number = payment_intent_id.removeprefix("slip-")
        return Returned(refunded=orders[number]["back"], disputed=0)

    def read_event(self, body: bytes, headers: Mapping[str, str]) -> Event:
        if headers.get("X-Tally-Token") != TOKEN:
            raise InvalidEvent("another sender")
        news = json.loads(body)
        return Event(id=f"tally:{news['serial']}", type=news["news"], payload=news)

    def subject_of(self, payload: Json) -> tuple[Subject, str] | None:
        match payload["news"]:
            case "order settled":
                return Subject.CHECKOUT, payload["order"]
            case "money back":
                return Subject.PAYMENT, f"slip-{payload['order']}"
        return None
