"""Cards, invoices, refunds and disputes of the sandbox."""

from enum import StrEnum
from functools import partial

from django.db import transaction

from accounts import bells
from billing.models import SandboxObject
from billing.providers.sandbox import objects
from billing.providers.sandbox.objects import Json

DAY = 86_400
# Days until each retry of a refused card. After the last one the subscription ends.
RETRIES = (3, 5, 7)


class Card(StrEnum):
    """Test cards, like Stripe's."""

    GOOD = "good"
    # The bank asks the owner each time, so a renewal fails.
    CONFIRM = "confirm"
    DECLINE = "decline"


def refund(payment_intent_id: str, *, cents: int) -> None:
    """Refund a payment, as the operator does at the provider."""
    with transaction.atomic():
        refund = {
            "id": objects.new_id("re"),
            "status": "succeeded",
            "payment_intent": payment_intent_id,
            "amount": cents,
        }
        objects.create("refund", refund)
        emit("charge.refunded", {"id": objects.new_id("ch"), "payment_intent": payment_intent_id})


def dispute(payment_intent_id: str, *, cents: int) -> str:
    """Dispute a payment, as the card's owner does at the bank; returns the dispute's id."""
    with transaction.atomic():
        dispute = {
            "id": objects.new_id("dp"),
            "status": "needs_response",
            "payment_intent": payment_intent_id,
            "amount": cents,
        }
        objects.create("dispute", dispute)
        emit("charge.dispute.created", dispute)
    return str(dispute["id"])


def settle_dispute(dispute_id: str, *, won: bool) -> None:
    with transaction.atomic():
        row = lock(dispute_id)
        row.data["status"] = "won" if won else "lost"
        save(row, "charge.dispute.closed")


def card_of(customer_id: str) -> Card:
    return Card(SandboxObject.objects.get(pk=customer_id).data["card"])


def set_card(customer_id: str, card: Card) -> None:
    customer = lock(customer_id)
    customer.data["card"] = card.value
    customer.save(update_fields=["data"])


def bill(subscription: Json, lines: list[Json], *, paid: bool) -> Json:
    invoice = objects.create_invoice(
        lines, customer_id=subscription["customer"], subscription_id=subscription["id"]
    )
    row = lock(invoice["id"])
    if paid:
        mark_paid(row)
    else:
        note_failure(row)
    return row.data  # type: ignore[no-any-return]


def mark_paid(invoice: SandboxObject) -> None:
    invoice.data |= {"status": "paid", "next_payment_attempt": None}
    invoice.data["status_transitions"]["paid_at"] = objects.now()
    save(invoice, "invoice.paid")


def note_failure(invoice: SandboxObject) -> None:
    tried = invoice.data["attempt_count"]
    again = objects.now() + RETRIES[tried] * DAY if tried < len(RETRIES) else None
    invoice.data |= {"attempt_count": tried + 1, "next_payment_attempt": again}
    save(invoice, "invoice.payment_failed")


def lock(object_id: str) -> SandboxObject:
    return SandboxObject.objects.select_for_update().get(pk=object_id)


def lock_invoice(invoice_id: str) -> tuple[SandboxObject, SandboxObject]:
    """Lock an invoice's subscription and then the invoice: the order of every change."""
    invoice = SandboxObject.objects.get(pk=invoice_id)
    subscription = lock(invoice.data["parent"]["subscription_details"]["subscription"])
    return subscription, lock(invoice_id)


def save(row: SandboxObject, event_type: str) -> None:
    row.save(update_fields=["data"])
    emit(event_type, row.data)


def emit(event_type: str, data: Json) -> None:
    event = objects.create_event(event_type, data)
    transaction.on_commit(partial(bells.ring, "billing.deliver_sandbox_event", event["id"]))
