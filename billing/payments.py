"""Payments and the grants that they bring; the only writer of both.

The rows follow the provider's objects. Every verb may be called again, late, and in any order: each grant
is keyed by its payment, so none is given twice.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from accounts.models import User
from billing import ledger, signals
from billing.models import Grant, Payment, Subscription, Unit
from billing.periods import Month
from billing.providers import gateway
from billing.providers.objects import CheckoutSession, Invoice, ProviderSubscription, Returned

# A try fails only if another process wrote the row meanwhile.
TRIES = 5
REFUNDED = gettext_noop("The payment was refunded")
DISPUTED = gettext_noop("The payment is disputed")
RESTORED = gettext_noop("The dispute was won")


class Contended(Exception):
    """Other processes kept writing the row. A repeated call works."""

    def __init__(self) -> None:
        super().__init__(_("Your subscription is being updated. Please try again in a moment."))


def record_invoices(
    user: User,
    invoices: Iterable[Invoice],
    remote: ProviderSubscription,
    *,
    provider: str,
    account: str,
) -> None:
    """Store a subscription's invoices, and grant the minutes that they paid for.

    Part of the caller's transaction, which locks the subscription's row. Writes changed rows only.
    """
    references = [invoice.id for invoice in invoices]
    rows = Payment.objects.select_for_update().filter(reference__in=references)
    known = {payment.reference: payment for payment in rows}
    for invoice in invoices:
        payment = known.get(invoice.id) or _new_payment(user, invoice, remote)
        _record(payment, invoice, remote, provider=provider, account=account)


def record_purchase(
    user: User, session: CheckoutSession, *, provider: str, account: str
) -> Payment:
    """Store the payment for a product, and grant its amount. Safe to repeat."""
    with transaction.atomic():
        payment, is_new = Payment.objects.select_for_update().get_or_create(
            reference=session.id,
            defaults={
                "user": user,
                "status": Payment.Status.PAID,
                "product": session.product,
                "provider": provider,
                "currency": session.currency,
                "cents": session.cents,
                "created_at": session.created_at,
                "paid_at": session.created_at,
                "grants_given": 1,
            },
        )
        payment.account = account
        payment.invoice_id = session.invoice_id or payment.invoice_id
        payment.payment_intent_id = session.payment_intent_id or payment.payment_intent_id
        _save(payment)
        is_credits = session.unit == Unit.CREDITS
        ledger.grant(
            user,
            unit=session.unit,
            amount=session.amount,
            source=Grant.Source.PACK if is_credits else Grant.Source.TOPUP,
            reference=_grant_reference(payment, 0),
        )
        if is_new:
            signals.invoice_paid.send_robust(Payment, user=user, payment=payment)
    return payment


def grant_due_months() -> int:
    """Grant the months that have begun of yearly payments; returns the number of payments."""
    due = Payment.objects.filter(next_month_at__lte=timezone.now())
    ids = list(due.order_by("next_month_at").values_list("pk", flat=True))
    for pk in ids:
        with transaction.atomic():
            payment = Payment.objects.select_for_update().get(pk=pk)
            _grant_due(payment)
            _save(payment)
    return len(ids)


def is_known(payment_intent_id: str) -> bool:
    return Payment.objects.filter(payment_intent_id=payment_intent_id).exists()


def synchronize(payment_intent_id: str) -> None:
    """Take back the unspent part of refunded or disputed payments; give it back after a won dispute.

    No effect on an unknown payment. Raises ProviderUnavailable, Contended.
    """
    for _try in range(TRIES):
        payment = Payment.objects.filter(payment_intent_id=payment_intent_id).first()
        if payment is None:
            return
        provider = gateway()
        returned = provider.returned(payment_intent_id)
        if _write_returned(payment, returned, account=provider.account):
            return
    raise Contended


@transaction.atomic
def _write_returned(read: Payment, returned: Returned, *, account: str) -> bool:
    """False if another process wrote the row since it was read."""
    payment = Payment.objects.select_for_update().get(pk=read.pk)
    if payment.version != read.version:
        return False
    # A row of an earlier release has none, and this account knows the payment.
    payment.account = payment.account or account
    payment.refunded_cents = returned.refunded
    payment.disputed_cents = returned.disputed
    _take_back(payment)
    _grant_due(payment)
    _save(payment)
    return True


def _new_payment(user: User, invoice: Invoice, remote: ProviderSubscription) -> Payment:
    return Payment(
        user=user,
        status=Payment.Status.OPEN,
        reference=invoice.id,
        provider_subscription_id=remote.id,
        invoice_id=invoice.id,
        currency=invoice.currency,
    )


def _record(
    payment: Payment,
    invoice: Invoice,
    remote: ProviderSubscription,
    *,
    provider: str,
    account: str,
) -> None:
    was_paid, attempts = payment.status == Payment.Status.PAID, payment.attempts
    is_paid_now = invoice.status == Payment.Status.PAID and not was_paid
    fields = {
        "provider": provider,
        "account": account,
        "status": invoice.status,
        "product": invoice.plan or payment.product,
        "payment_intent_id": invoice.payment_intent_id or payment.payment_intent_id,
        "number": invoice.number,
        "cents": invoice.cents,
        "attempts": invoice.attempts,
        "next_attempt_at": invoice.next_attempt_at,
        "created_at": invoice.created_at,
        "paid_at": invoice.paid_at,
        "months": _months(payment, invoice, remote, is_new=is_paid_now),
    }
    if payment.pk and not _differs(payment, fields) and not _has_month_due(payment):
        return
    for name, value in fields.items():
        setattr(payment, name, value)
    _save(payment)
    if _grant_due(payment):
        _save(payment)
    if is_paid_now:
        signals.invoice_paid.send_robust(Payment, user=payment.user, payment=payment)
    failed_again = payment.status == Payment.Status.OPEN and payment.attempts > attempts
    # An unpaid upgrade changes nothing; an unpaid renewal makes the subscription past due.
    if failed_again and remote.status == Subscription.Status.PAST_DUE:
        signals.renewal_failed.send_robust(Payment, user=payment.user, payment=payment)


def _months(
    payment: Payment, invoice: Invoice, remote: ProviderSubscription, *, is_new: bool
) -> list[dict[str, Any]]:
    """The months of the invoice, fixed when it is paid, without those after the subscription's end."""
    months = [Month.from_dict(each) for each in payment.months]
    if is_new:
        months = invoice.months(remote.anchor)
    if remote.ended_at is not None:
        months = [month for month in months if month.starts_at < remote.ended_at]
    return [month.to_dict() for month in months]


def _differs(payment: Payment, fields: Mapping[str, object]) -> bool:
    return any(getattr(payment, name) != value for name, value in fields.items())


def _has_month_due(payment: Payment) -> bool:
    return payment.next_month_at is not None and payment.next_month_at <= timezone.now()


def _save(payment: Payment) -> None:
    payment.version += 1
    payment.save()


def _grant_due(payment: Payment) -> bool:
    """Grant the months that have begun; returns True if the caller has to save the payment.

    The first month comes at once: the provider's clock may be a second ahead.
    """
    months = [Month.from_dict(each) for each in payment.months]
    as_it_was = payment.grants_given, payment.next_month_at
    payment.next_month_at = None
    for number in range(payment.grants_given, len(months)):
        if number and _is_returned(payment):
            break
        if number and months[number].starts_at > timezone.now():
            payment.next_month_at = months[number].starts_at
            break
        _grant_month(payment, months[number], number=number)
    return as_it_was != (payment.grants_given, payment.next_month_at)


def _grant_month(payment: Payment, month: Month, *, number: int) -> None:
    ledger.grant(
        payment.user,
        unit=Unit.GPU_MS,
        amount=month.gpu_ms,
        source=Grant.Source.PLAN,
        reference=_grant_reference(payment, number),
        rolls_over_at=month.ends_at,
        expires_at=month.expires_at,
    )
    payment.grants_given = number + 1
    _take_back(payment)


def _take_back(payment: Payment) -> None:
    """Refund each grant by the returned share of the payment, rounded down."""
    for number in range(payment.grants_given):
        given = Grant.objects.get(reference=_grant_reference(payment, number))
        amount = given.amount * payment.returned_cents // payment.cents if payment.cents else 0
        if amount != given.refunded:
            note = DISPUTED if payment.disputed_cents else REFUNDED
            if amount < given.refunded:
                note = RESTORED
            ledger.refund(given.reference, amount=amount, note=f"{note}: {payment.reference}")


def _is_returned(payment: Payment) -> bool:
    """The whole payment was returned, so it brings no more months."""
    return 0 < payment.cents <= payment.returned_cents


def _grant_reference(payment: Payment, number: int) -> str:
    return f"payment:{payment.reference}:{number}"


def reference_in(grant_reference: str) -> str | None:
    """The reference of the payment that brought the grant; None if it was not bought."""
    named = re.fullmatch(r"payment:(.+):[0-9]+", grant_reference)
    return named[1] if named else None
