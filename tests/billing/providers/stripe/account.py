"""The fake Stripe's account: objects by id, the tests' clock, and cards by their test numbers."""

import copy
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from typing import Any

from django.utils import timezone

from billing import periods
from tests.billing.providers.stripe.params import Params, Refused, matches

Object = dict[str, Any]
MONTHS = {"month": 1, "year": 12}
# Test cards: https://docs.stripe.com/testing
VISA, DECLINED, ASKS = (
    "pm_card_visa",
    "pm_card_chargeCustomerFail",
    "pm_card_authenticationRequired",
)
HOUR, DAY = 3_600, 86_400
RETRIES = (3 * DAY, 5 * DAY, 7 * DAY)


def now() -> int:
    return int(timezone.now().timestamp())


def later(moment: int, *, months: int) -> int:
    return int(periods.after(datetime.fromtimestamp(moment, tz=UTC), months=months).timestamp())


@dataclass
class Account:
    """Everything in one account and mode. The lock is held while a request or a test changes something."""

    id: str = "acct_fake"
    objects: dict[str, Object] = field(default_factory=dict)
    events: list[Object] = field(default_factory=list)
    lock: threading.RLock = field(default_factory=threading.RLock)
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))

    # Objects ------------------------------------------------------------------------------------

    def new(self, kind: str, prefix: str, **data: Any) -> Object:
        found: Object = {"id": f"{prefix}_{next(self._numbers):06}", "object": kind}
        found |= {"created": now(), "livemode": False, "metadata": {}, **data}
        self.objects[found["id"]] = found
        return found

    def get(self, id_: str, kind: str) -> Object:
        found = self.objects.get(id_)
        if found is None or found["object"] != kind:
            raise Refused(f"No such {kind}: '{id_}'", code="resource_missing", status=404)
        return found

    def all(self, kind: str, **wanted: Any) -> list[Object]:
        """The newest first."""
        found = [each for each in self.objects.values() if each["object"] == kind]
        return [each for each in reversed(found) if matches(each, wanted)]

    def emit(self, type_: str, about: Object) -> None:
        data = {"object": copy.deepcopy(about)}
        event = self.new("event", "evt", type=type_, data=data)
        self.events.append(event)

    def delete_customer(self, customer_id: str) -> None:
        """As the operator does on the dashboard; what was paid is kept."""
        self.get(customer_id, "customer")["object"] = "deleted_customer"

    # Money --------------------------------------------------------------------------------------

    def charge(self, customer_id: str, invoice: Object | None, cents: int) -> Object:
        """A payment intent for the customer's card, and what became of it."""
        card = self.get(customer_id, "customer")["card"]
        status = {VISA: "succeeded", ASKS: "requires_action"}.get(card, "requires_payment_method")
        intent = self.new("payment_intent", "pi", customer=customer_id, amount=cents, status=status)
        if invoice is not None:
            self.new(
                "invoice_payment",
                "inpay",
                invoice=invoice["id"],
                payment={"type": "payment_intent", "payment_intent": intent["id"]},
            )
        return intent

    def refund(self, intent_id: str, cents: int) -> Object:
        intent = self.get(intent_id, "payment_intent")
        refund = self.new(
            "refund", "re", payment_intent=intent_id, amount=cents, status="succeeded"
        )
        self.emit("refund.created", refund)
        charge = {"id": f"ch_of_{intent_id}", "object": "charge", "amount": intent["amount"]}
        self.emit("charge.refunded", {**charge, "payment_intent": intent_id})
        return refund

    def dispute(self, intent_id: str) -> Object:
        intent = self.get(intent_id, "payment_intent")
        dispute = self.new(
            "dispute",
            "dp",
            payment_intent=intent_id,
            amount=intent["amount"],
            status="needs_response",
        )
        self.emit("charge.dispute.created", dispute)
        return dispute

    def close_dispute(self, dispute: Object, status: str) -> None:
        dispute["status"] = status
        self.emit("charge.dispute.closed", dispute)

    # Checkout -----------------------------------------------------------------------------------

    def complete_for_nothing(self, session_id: str) -> None:
        """Complete a purchase with a code for the whole price: nothing is invoiced, no card is asked for."""
        session = self.get(session_id, "checkout.session")
        assert (session["status"], session["mode"]) == ("open", "payment")
        session |= {"status": "complete", "payment_status": "no_payment_required", "url": None}
        session["amount_total"] = 0
        self.emit("checkout.session.completed", session)

    def complete(self, session_id: str, *, card: str = VISA) -> None:
        """Complete a checkout session as its page does, with a card that works in the end."""
        session = self.get(session_id, "checkout.session")
        assert session["status"] == "open"
        self.get(session["customer"], "customer")["card"] = card
        if session["mode"] == "subscription":
            self._complete_subscription(session)
        else:
            self._complete_purchase(session)
        session |= {"status": "complete", "payment_status": "paid", "url": None}
        self.emit("checkout.session.completed", session)

    def _complete_subscription(self, session: Object) -> None:
        price = self.get(session["price"], "price")
        start = now()
        end = later(start, months=MONTHS[price["recurring"]["interval"]])
        item = {
            "id": f"si_of_{session['id']}",
            "object": "subscription_item",
            "price": price,
            "quantity": 1,
            "current_period_start": start,
            "current_period_end": end,
        }
        subscription = self.new(
            "subscription",
            "sub",
            customer=session["customer"],
            status="active",
            currency=price["currency"],
            metadata=session["subscription_metadata"],
            items={"object": "list", "data": [item], "has_more": False},
            billing_cycle_anchor=start,
            cancel_at_period_end=False,
            cancel_at=None,
            ended_at=None,
            pending_update=None,
            schedule=None,
            latest_invoice=None,
            periods=0,
        )
        session["subscription"] = subscription["id"]
        self.emit("customer.subscription.created", subscription)
        invoice = self.bill(subscription, [self.line(price, start, end)])
        # The bank, if it asks, was answered on the checkout's page.
        self.settle(invoice, card=VISA)

    def _complete_purchase(self, session: Object) -> None:
        price = self.get(session["price"], "price")
        line = self.line(price, now(), now())
        invoice = self.new_invoice(session["customer"], [line], subscription=None)
        invoice["metadata"] = session["invoice_metadata"]
        session["invoice"] = invoice["id"]
        intent = self.settle(invoice, card=VISA)
        session["payment_intent"] = intent["id"]

    # Invoices -----------------------------------------------------------------------------------

    def line(self, price: Object, start: int, end: int, *, amount: int | None = None) -> Object:
        return {
            "id": f"il_{next(self._numbers):06}",
            "object": "line_item",
            "amount": price["unit_amount"] if amount is None else amount,
            "currency": price["currency"],
            "period": {"start": start, "end": end},
            "pricing": {
                "type": "price_details",
                "price_details": {"price": price["id"], "product": price["product"]},
            },
        }

    def draft(
        self, customer_id: str, lines: list[Object], *, subscription: Object | None
    ) -> Object:
        """An invoice that is kept nowhere."""
        total = sum(line["amount"] for line in lines)
        details = {"subscription": subscription["id"]} if subscription else None
        return {
            "object": "invoice",
            "created": now(),
            "customer": customer_id,
            "currency": lines[0]["currency"],
            "status": "draft",
            "number": None,
            "parent": {"subscription_details": details} if details else None,
            "lines": {"object": "list", "data": lines, "has_more": False},
            "total": total,
            "amount_due": max(0, total),
            "attempt_count": 0,
            "next_payment_attempt": None,
            "status_transitions": {"paid_at": None},
            "hosted_invoice_url": None,
            "invoice_pdf": None,
            "metadata": {},
        }

    def new_invoice(
        self, customer_id: str, lines: list[Object], *, subscription: Object | None
    ) -> Object:
        return self.new(
            "invoice", "in", **self.draft(customer_id, lines, subscription=subscription)
        )

    def bill(self, subscription: Object, lines: list[Object]) -> Object:
        invoice = self.new_invoice(subscription["customer"], lines, subscription=subscription)
        subscription["latest_invoice"] = invoice["id"]
        return invoice

    def finalize(self, invoice: Object) -> None:
        url = f"https://invoice.stripe.com/i/{invoice['id']}"
        invoice |= {
            "status": "open",
            "number": f"FAKE-{next(self._numbers):04}",
            "hosted_invoice_url": url,
            "invoice_pdf": f"{url}/pdf",
        }
        self.emit("invoice.finalized", invoice)

    def settle(self, invoice: Object, *, card: str | None = None) -> Object:
        """Finalize the invoice if need be, and try the card."""
        if invoice["status"] == "draft":
            self.finalize(invoice)
        customer = self.get(invoice["customer"], "customer")
        own_card = customer["card"]
        customer["card"] = card or own_card
        intent = self.charge(customer["id"], invoice, invoice["amount_due"])
        customer["card"] = own_card
        if intent["status"] == "succeeded":
            self.mark_paid(invoice)
        else:
            tried = invoice["attempt_count"]
            again = now() + RETRIES[tried] if tried < len(RETRIES) else None
            invoice |= {"attempt_count": tried + 1, "next_payment_attempt": again}
            self.emit("invoice.payment_failed", invoice)
        return intent

    def mark_paid(self, invoice: Object) -> None:
        invoice |= {"status": "paid", "next_payment_attempt": None}
        invoice["status_transitions"]["paid_at"] = now()
        self.emit("invoice.paid", invoice)

    def pay_on_hosted_page(self, invoice_id: str) -> None:
        """Pay an open invoice as its page does: with another card, or after the bank's question."""
        invoice = self.get(invoice_id, "invoice")
        assert invoice["status"] == "open"
        self.settle(invoice, card=VISA)
        subscription = self.subscription_of(invoice)
        pending = subscription["pending_update"]
        if pending and subscription["latest_invoice"] == invoice_id:
            self.apply(subscription, self.get(pending["price"], "price"), at=now())
            if pending["cancel_at_period_end"] is not None:
                subscription["cancel_at_period_end"] = pending["cancel_at_period_end"]
        subscription |= {"status": "active", "pending_update": None}
        self.emit("customer.subscription.updated", subscription)

    def subscription_of(self, invoice: Object) -> Object:
        return self.get(invoice["parent"]["subscription_details"]["subscription"], "subscription")

    def void(self, invoice: Object) -> None:
        if invoice["status"] not in {"open", "uncollectible"}:
            raise Refused("You can only void open invoices.")
        invoice["status"] = "void"
        subscription = self.subscription_of(invoice)
        if subscription["latest_invoice"] == invoice["id"]:
            subscription["pending_update"] = None
        self.emit("invoice.voided", invoice)

    # Subscriptions ------------------------------------------------------------------------------

    def drop_pending_update(self, subscription: Object) -> None:
        """Expired or replaced: the invoice is voided."""
        self.void(self.get(subscription["latest_invoice"], "invoice"))
        self.emit("customer.subscription.updated", subscription)

    def apply(self, subscription: Object, price: Object, *, at: int) -> None:
        """The subscription has this price from now on; another interval begins a period at once."""
        (item,) = subscription["items"]["data"]
        was, item["price"] = item["price"], price
        if was["recurring"]["interval"] != price["recurring"]["interval"]:
            subscription |= {"billing_cycle_anchor": at, "periods": 0}
            self.set_period(subscription)

    def set_period(self, subscription: Object) -> None:
        (item,) = subscription["items"]["data"]
        months = MONTHS[item["price"]["recurring"]["interval"]]
        item["current_period_start"], item["current_period_end"] = (
            later(subscription["billing_cycle_anchor"], months=number * months)
            for number in (subscription["periods"], subscription["periods"] + 1)
        )

    def lines_of_change(self, subscription: Object, price: Object, *, at: int) -> list[Object]:
        (item,) = subscription["items"]["data"]
        was = item["price"]
        start, end = item["current_period_start"], item["current_period_end"]
        if not start <= at <= end:
            raise Refused("proration_date must be within the current period.")
        left = (end - at) / (end - start)
        credit = self.line(was, at, end, amount=-round(was["unit_amount"] * left))
        if was["recurring"]["interval"] == price["recurring"]["interval"]:
            return [credit, self.line(price, at, end, amount=round(price["unit_amount"] * left))]
        whole = later(at, months=MONTHS[price["recurring"]["interval"]])
        return [credit, self.line(price, at, whole)]

    def end(self, subscription: Object) -> None:
        subscription |= {"status": "canceled", "ended_at": now()}
        self.emit("customer.subscription.deleted", subscription)

    def release(self, schedule: Object) -> None:
        if schedule["status"] != "active":
            raise Refused("You cannot release a schedule that is not active.")
        subscription = self.get(schedule["subscription"], "subscription")
        subscription["schedule"] = None
        schedule |= {
            "status": "released",
            "subscription": None,
            "released_subscription": subscription["id"],
        }
        self.emit("subscription_schedule.released", schedule)

    # Time ---------------------------------------------------------------------------------------

    def tick(self) -> None:
        """Do what the passing of time does, up to the tests' clock."""
        for subscription in self.all("subscription", status="active"):
            pending = subscription["pending_update"]
            if pending and pending["expires_at"] <= now():
                self.drop_pending_update(subscription)
            (item,) = subscription["items"]["data"]
            while item["current_period_end"] <= now() and subscription["status"] == "active":
                self._end_period(subscription)
        for invoice in self.all("invoice", status="draft"):
            # Stripe leaves an hour to change a renewal's invoice.
            if invoice["created"] + HOUR <= now():
                self._collect(invoice)
        for invoice in self.all("invoice", status="open"):
            if invoice["next_payment_attempt"] and invoice["next_payment_attempt"] <= now():
                self._collect(invoice)

    def _end_period(self, subscription: Object) -> None:
        if subscription["cancel_at_period_end"]:
            self.end(subscription)
            return
        (item,) = subscription["items"]["data"]
        ended = item["current_period_end"]
        subscription["periods"] += 1
        self._begin_phase(subscription, at=ended)
        self.set_period(subscription)
        self.emit("customer.subscription.updated", subscription)
        line = self.line(item["price"], item["current_period_start"], item["current_period_end"])
        self.bill(subscription, [line])["created"] = ended

    def _begin_phase(self, subscription: Object, *, at: int) -> None:
        if subscription["schedule"] is None:
            return
        schedule = self.get(subscription["schedule"], "subscription_schedule")
        ahead = [phase for phase in schedule["phases"] if phase["start_date"] == at]
        if ahead:
            price = self.get(ahead[0]["items"][0]["price"], "price")
            self.apply(subscription, price, at=at)
        else:
            self.release(schedule)

    def _collect(self, invoice: Object) -> None:
        subscription = self.subscription_of(invoice)
        intent = self.settle(invoice)
        if intent["status"] == "succeeded":
            subscription["status"] = "active"
        elif invoice["next_payment_attempt"] is None:
            invoice["status"] = "uncollectible"
            self.end(subscription)
            return
        else:
            subscription["status"] = "past_due"
        self.emit("customer.subscription.updated", subscription)


def page(found: list[Object], asked: Params, path: str) -> Object:
    """A list as Stripe pages it."""
    after = asked.get("starting_after")
    if after is not None:
        ids = [each["id"] for each in found]
        found = found[ids.index(after) + 1 :]
    limit = asked.get("limit", 10)
    if not 1 <= limit <= 100:
        raise Refused("limit must be between 1 and 100", param="limit")
    return {
        "object": "list",
        "url": path,
        "data": found[:limit],
        "has_more": len(found) > limit,
    }
