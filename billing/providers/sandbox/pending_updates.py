"""Changes of plan in the sandbox that wait for the confirmation of their payment."""

from django.db import transaction

from billing.models import Interval, SandboxObject
from billing.plans import Plan
from billing.providers.sandbox import objects, payments
from billing.providers.sandbox.objects import Json

# As at Stripe.
SECONDS = 23 * 3_600


def create(row: SandboxObject, lines: list[Json], plan: Plan, interval: Interval) -> str:
    """Bill a change of the locked subscription and let it wait; returns the invoice's id."""
    drop(row.data)
    invoice = payments.bill(row.data, lines, paid=False)
    row.data["pending_update"] = {
        "plan": plan.id,
        "interval": interval.value,
        "invoice": invoice["id"],
        "expires_at": min(objects.now() + SECONDS, objects.period_of(row.data)[1]),
    }
    payments.save(row, "customer.subscription.updated")
    return str(invoice["id"])


def drop(subscription: Json) -> None:
    """Void the invoice of the waiting change, if there is one. The caller saves the subscription."""
    pending = subscription["pending_update"]
    if pending is None:
        return
    invoice = payments.lock(pending["invoice"])
    invoice.data |= {"status": "void", "next_payment_attempt": None}
    subscription["pending_update"] = None
    payments.save(invoice, "invoice.voided")


def drop_expired() -> None:
    subscriptions = SandboxObject.objects.filter(type="subscription")
    over = subscriptions.filter(data__pending_update__expires_at__lte=objects.now())
    for subscription_id in list(over.values_list("pk", flat=True)):
        with transaction.atomic():
            row = payments.lock(subscription_id)
            pending = row.data["pending_update"]
            if pending and pending["expires_at"] <= objects.now():
                drop(row.data)
                payments.save(row, "customer.subscription.updated")
