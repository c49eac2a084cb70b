"""Subscriptions of the sandbox: begin, renew, change and end."""

from django.db import transaction
from django.db.models import Q

from billing.models import Interval, SandboxObject
from billing.periods import after
from billing.plans import PLANS, Plan
from billing.providers.protocol import CardDeclined
from billing.providers.sandbox import objects, payments, pending_updates
from billing.providers.sandbox.objects import Json
from billing.providers.sandbox.payments import Card
from billing.providers.stripe.json import moment


def pay(checkout_id: str, *, card: Card = Card.GOOD) -> str:
    """Complete a checkout with a working card; returns the success URL. Safe to call twice."""
    with transaction.atomic():
        session = payments.lock(checkout_id)
        if session.data["status"] == "open":
            payments.set_card(session.data["customer"], card)
            if "plan" in session.data["metadata"]:
                _begin_subscription(session.data)
            else:
                _sell_once(session.data)
            session.data |= {"status": "complete", "payment_status": "paid"}
            payments.save(session, "checkout.session.completed")
        return str(session.data["success_url"])


def use_card(customer_id: str, card: Card) -> None:
    """Set the customer's card, and pay the open invoices if it is good."""
    with transaction.atomic():
        payments.set_card(customer_id, card)
    for row in SandboxObject.objects.filter(
        type="invoice", data__customer=customer_id, data__status="open"
    ):
        if card == Card.GOOD:
            pay_invoice(row.pk)


def renew(
    subscription_id: str, *, card_works: bool | None = None, only_if_due: bool = False
) -> None:
    """End the period: bill the next one, or end a canceled subscription.

    `card_works` overrides the customer's card.
    """
    with transaction.atomic():
        row = payments.lock(subscription_id)
        is_due = objects.period_of(row.data)[1] <= objects.now()
        if row.data["status"] != "active" or (only_if_due and not is_due):
            return
        if row.data["cancel_at_period_end"]:
            _end(row)
            return
        pending_updates.drop(row.data)
        _begin_period(row.data)
        plan, interval = objects.plan_of(row.data)
        line = objects.plan_line(plan, interval, period=objects.period_of(row.data))
        if card_works is None:
            card_works = payments.card_of(row.data["customer"]) == Card.GOOD
        row.data["status"] = "active" if card_works else "past_due"
        payments.save(row, "customer.subscription.updated")
        payments.bill(row.data, [line], paid=card_works)


def recover(subscription_id: str) -> None:
    """Pay the open invoices of a subscription, as with a new card."""
    for invoice in objects.invoices(subscription_id).filter(data__status="open"):
        pay_invoice(invoice.pk)


def pay_invoice(invoice_id: str) -> None:
    """Pay an open invoice, and apply the change that waits for it. Safe to call twice."""
    with transaction.atomic():
        subscription, invoice = payments.lock_invoice(invoice_id)
        if invoice.data["status"] != "open":
            return
        pending = subscription.data["pending_update"]
        if pending and pending["invoice"] == invoice_id:
            _apply(subscription.data, PLANS[pending["plan"]], Interval(pending["interval"]))
            subscription.data["cancel_at_period_end"] = False
        subscription.data |= {"status": "active", "pending_update": None}
        payments.save(subscription, "customer.subscription.updated")
        payments.mark_paid(invoice)


def renew_due() -> int:
    """Renew due subscriptions by one period, and retry due invoices; returns the number of renewals."""
    pending_updates.drop_expired()
    subscriptions = SandboxObject.objects.filter(type="subscription")
    over = Q(data__items__data__0__current_period_end__lte=objects.now())
    due = list(subscriptions.filter(over, data__status="active").values_list("pk", flat=True))
    for subscription_id in due:
        renew(subscription_id, only_if_due=True)
    retried = SandboxObject.objects.filter(
        type="invoice", data__status="open", data__next_payment_attempt__lte=objects.now()
    )
    for invoice_id in list(retried.values_list("pk", flat=True)):
        _retry(invoice_id)
    return len(due)


def let_period_pass(subscription_id: str) -> None:
    """For demonstrations: move the subscription into the past until its period is over, and renew it."""
    with transaction.atomic():
        row = payments.lock(subscription_id)
        _plan, interval = objects.plan_of(row.data)
        months = (row.data["periods"] + 1) * objects.MONTHS[interval]
        # The day of the month stays; in a shorter month the period ends a little earlier.
        anchor = int(after(moment(objects.now()), months=-months).timestamp())
        shift = row.data["billing_cycle_anchor"] - anchor
        row.data["billing_cycle_anchor"] = anchor
        _set_period(row.data)
        row.save(update_fields=["data"])
        for invoice in objects.invoices(subscription_id):
            _move_back(invoice, shift)
        schedule = objects.schedule_of(subscription_id)
        if schedule is not None:
            schedule.data["phases"][1]["start_date"] = objects.period_of(row.data)[1]
            schedule.save(update_fields=["data"])
    renew(subscription_id)


def lines_of_change(subscription: Json, plan: Plan, interval: Interval, *, at: int) -> list[Json]:
    """Line items: a credit for the rest of the period, and a charge for that rest or a new period."""
    was, was_interval = objects.plan_of(subscription)
    start, end = objects.period_of(subscription)
    left = (end - at) / (end - start)
    credit = objects.plan_line(was, was_interval, period=(at, end), share=left, sign=-1)
    if interval == was_interval:
        return [credit, objects.plan_line(plan, interval, period=(at, end), share=left)]
    whole = objects.nth_period(at, interval, 0)
    return [credit, objects.plan_line(plan, interval, period=whole)]


def change_plan(subscription_id: str, plan: Plan, interval: Interval, *, at: int) -> str | None:
    """Change at once; returns the id of an invoice to be confirmed first. Raises CardDeclined."""
    with transaction.atomic():
        row = payments.lock(subscription_id)
        if objects.plan_of(row.data) == (plan, interval):
            return None
        card = payments.card_of(row.data["customer"])
        if card == Card.DECLINE:
            raise CardDeclined
        _release(row.data)
        lines = lines_of_change(row.data, plan, interval, at=at)
        if card == Card.CONFIRM:
            return pending_updates.create(row, lines, plan, interval)
        pending_updates.drop(row.data)
        _apply(row.data, plan, interval, at=at)
        row.data["cancel_at_period_end"] = False
        payments.save(row, "customer.subscription.updated")
        payments.bill(row.data, lines, paid=True)
        return None


def schedule_change(subscription_id: str, plan: Plan, interval: Interval) -> None:
    with transaction.atomic():
        row = payments.lock(subscription_id)
        _release(row.data)
        schedule = objects.create_schedule(row.data, plan=plan, interval=interval)
        payments.emit("subscription_schedule.updated", schedule)


def unschedule(subscription_id: str) -> None:
    with transaction.atomic():
        _release(payments.lock(subscription_id).data)


def set_cancel_at_period_end(subscription_id: str, *, cancel: bool) -> None:
    with transaction.atomic():
        row = payments.lock(subscription_id)
        _release(row.data)
        if cancel:
            # A change that waits would withdraw the cancellation.
            pending_updates.drop(row.data)
        row.data["cancel_at_period_end"] = cancel
        payments.save(row, "customer.subscription.updated")


def end(subscription_id: str) -> None:
    """Cancel it now, and void its open invoices."""
    with transaction.atomic():
        row = payments.lock(subscription_id)
        _release(row.data)
        _end(row)
        for invoice in objects.invoices(subscription_id).filter(data__status="open"):
            invoice.data["status"] = "void"
            payments.save(invoice, "invoice.voided")


def _begin_subscription(session: Json) -> None:
    plan = PLANS[session["metadata"]["plan"]]
    interval = Interval(session["metadata"]["interval"])
    subscription = objects.create_subscription(
        user_id=session["client_reference_id"],
        customer_id=session["customer"],
        plan=plan,
        interval=interval,
    )
    payments.emit("customer.subscription.created", subscription)
    line = objects.plan_line(plan, interval, period=objects.period_of(subscription))
    payments.bill(subscription, [line], paid=True)
    session["subscription"] = subscription["id"]


def _sell_once(session: Json) -> None:
    line = objects.product_line(session["name"], session["amount_total"])
    invoice = objects.create_invoice([line], customer_id=session["customer"])
    session["invoice"] = invoice["id"]
    session["payment_intent"] = objects.payment_intent_of(invoice)
    payments.mark_paid(payments.lock(invoice["id"]))


def _begin_period(subscription: Json) -> None:
    """Begin the next period, with the scheduled plan."""
    schedule = objects.schedule_of(subscription["id"])
    subscription["periods"] += 1
    if schedule is not None:
        _plan, was_interval = objects.plan_of(subscription)
        ahead = objects.price_of(schedule.data["phases"][1]["items"][0]["price"])
        subscription["items"]["data"][0]["price"] = ahead
        if ahead["recurring"]["interval"] != was_interval:
            subscription["billing_cycle_anchor"] = objects.period_of(subscription)[1]
            subscription["periods"] = 0
        _release(subscription)
    _set_period(subscription)


def _set_period(subscription: Json) -> None:
    _plan, interval = objects.plan_of(subscription)
    item = subscription["items"]["data"][0]
    item["current_period_start"], item["current_period_end"] = objects.nth_period(
        subscription["billing_cycle_anchor"], interval, subscription["periods"]
    )


def _apply(subscription: Json, plan: Plan, interval: Interval, *, at: int | None = None) -> None:
    """Change the plan now; another interval begins a new period."""
    _plan, was_interval = objects.plan_of(subscription)
    subscription["items"]["data"][0]["price"] = objects.price(plan.id, interval)
    if interval != was_interval:
        subscription["billing_cycle_anchor"] = objects.now() if at is None else at
        subscription["periods"] = 0
        _set_period(subscription)


def _retry(invoice_id: str) -> None:
    """Charge the customer's card again; after the last attempt the subscription ends."""
    with transaction.atomic():
        subscription, invoice = payments.lock_invoice(invoice_id)
        again = invoice.data["next_payment_attempt"]
        if again is None or again > objects.now():
            return
        if payments.card_of(invoice.data["customer"]) == Card.GOOD:
            pay_invoice(invoice_id)
            return
        payments.note_failure(invoice)
        if invoice.data["next_payment_attempt"] is None:
            _end(subscription)
            invoice.data["status"] = "uncollectible"
            payments.save(invoice, "invoice.marked_uncollectible")


def _end(subscription: SandboxObject) -> None:
    pending_updates.drop(subscription.data)
    subscription.data |= {"status": "canceled", "ended_at": objects.now()}
    payments.save(subscription, "customer.subscription.deleted")


def _release(subscription: Json) -> None:
    """Release the subscription from its schedule."""
    row = objects.schedule_of(subscription["id"])
    if row is not None:
        row.data |= {
            "status": "released",
            "subscription": None,
            "released_subscription": subscription["id"],
        }
        payments.save(row, "subscription_schedule.released")


def _move_back(invoice: SandboxObject, seconds: int) -> None:
    data = invoice.data
    data["created"] -= seconds
    if data["status_transitions"]["paid_at"]:
        data["status_transitions"]["paid_at"] -= seconds
    for line in data["lines"]["data"]:
        line["period"] = {edge: at - seconds for edge, at in line["period"].items()}
    invoice.save(update_fields=["data"])
