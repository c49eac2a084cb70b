"""The sandbox's checkout, bank, portal and invoice pages; 404 if another provider takes the payments."""

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, ParamSpec

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from accounts.requests import user_of
from billing.models import Customer, SandboxObject, Subscription
from billing.providers import provider
from billing.providers.sandbox import objects, payments, pdf, subscriptions
from billing.providers.sandbox.objects import Json
from billing.providers.sandbox.payments import Card
from billing.providers.stripe.json import moment

P = ParamSpec("P")


def _sandbox_only(view: Callable[P, HttpResponse]) -> Callable[P, HttpResponse]:
    @wraps(view)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        if not provider().is_sandbox:
            raise Http404
        return view(*args, **kwargs)

    return guarded


@_sandbox_only
@login_required
@require_http_methods(["GET", "POST"])
def checkout(request: HttpRequest, checkout_id: str) -> HttpResponse:
    """billing/sandbox_checkout.html

    session: the checkout session (name, amount_total, currency); is_plan: bool; is_yearly: bool;
    open: bool (False once it was paid).
    Submit buttons post here: name="card" with a value of `Card`.
    """
    session = _get_checkout_for_user(request, checkout_id)
    card = request.POST.get("card")
    if request.method == "POST" and card == Card.GOOD:
        return redirect(subscriptions.pay(checkout_id))
    if request.method == "POST" and card == Card.CONFIRM:
        return redirect("billing:sandbox_bank", checkout_id)
    if request.method == "POST":
        messages.error(request, _("The test card was declined. Nothing was charged."))
    return render(request, "billing/sandbox_checkout.html", _shown(session))


@_sandbox_only
@login_required
@require_http_methods(["GET", "POST"])
def bank(request: HttpRequest, checkout_id: str) -> HttpResponse:
    """billing/sandbox_bank.html: as checkout's; buttons post name="answer" value="yes" or "no"."""
    session = _get_checkout_for_user(request, checkout_id)
    if request.method == "POST" and request.POST.get("answer") == "yes":
        return redirect(subscriptions.pay(checkout_id, card=Card.CONFIRM))
    if request.method == "POST":
        messages.error(request, _("The payment was not confirmed. Nothing was charged."))
        return redirect("billing:sandbox_checkout", checkout_id)
    return render(request, "billing/sandbox_bank.html", _shown(session))


@_sandbox_only
@login_required
@require_http_methods(["GET", "POST"])
def portal(request: HttpRequest) -> HttpResponse:
    """billing/sandbox_portal.html

    card: Card; cards: list[Card]; subscription: Subscription | None (a live one);
    payments: list of dicts (invoice: the invoice's JSON, created: datetime, refunded, disputed: bool,
    dispute: str, the id of an open one), the latest first.
    Forms post name="do" with a name of _ACTIONS, and the fields of that action.
    """
    customer = get_object_or_404(Customer, user=user_of(request), provider="sandbox")
    if request.method == "POST":
        action = _ACTIONS.get(request.POST.get("do", ""))
        if action is None:
            raise Http404
        action(customer, request.POST.dict())
        messages.success(request, _("Done. What follows from it arrives in a moment."))
        return redirect("billing:sandbox_portal")
    live = Subscription.objects.filter(user=customer.user, provider="sandbox").first()
    context = {
        "card": payments.card_of(customer.provider_customer_id),
        "cards": list(Card),
        "subscription": live if live and live.is_live else None,
        "payments": [_payment(row.data) for row in _invoices(customer)],
    }
    return render(request, "billing/sandbox_portal.html", context)


@_sandbox_only
@login_required
@require_http_methods(["GET", "POST"])
def invoice(request: HttpRequest, invoice_id: str) -> HttpResponse:
    """billing/sandbox_invoice.html

    invoice: its JSON; open: bool. Buttons post name="answer" value="yes" or "no".
    """
    row = _get_invoice_for_user(request, invoice_id)
    if request.method == "POST" and request.POST.get("answer") == "yes":
        subscriptions.pay_invoice(invoice_id)
        messages.success(request, _("The invoice is paid."))
        return redirect("billing:plan")
    if request.method == "POST":
        messages.error(request, _("The payment was not confirmed. Nothing was charged."))
        return redirect("billing:plan")
    context = {"invoice": row.data, "open": row.data["status"] == "open"}
    return render(request, "billing/sandbox_invoice.html", context)


@_sandbox_only
@login_required
@require_GET
def invoice_pdf(request: HttpRequest, invoice_id: str) -> HttpResponse:
    row = _get_invoice_for_user(request, invoice_id)
    document = pdf.invoice(row.data, email=user_of(request).email)
    name = f"{row.data['number']}.pdf"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return HttpResponse(document, content_type="application/pdf", headers=headers)


def _get_checkout_for_user(request: HttpRequest, checkout_id: str) -> SandboxObject:
    return get_object_or_404(
        SandboxObject,
        pk=checkout_id,
        type="checkout.session",
        data__client_reference_id=str(request.user.pk),
    )


def _get_invoice_for_user(request: HttpRequest, invoice_id: str) -> SandboxObject:
    customer = get_object_or_404(Customer, user=user_of(request), provider="sandbox")
    return get_object_or_404(_invoices(customer), pk=invoice_id)


def _invoices(customer: Customer) -> QuerySet[SandboxObject]:
    invoices = SandboxObject.objects.filter(
        type="invoice", data__customer=customer.provider_customer_id
    )
    return invoices.order_by("-created_at")


def _shown(session: SandboxObject) -> dict[str, Any]:
    return {
        "session": session.data,
        "is_plan": "plan" in session.data["metadata"],
        "is_yearly": session.data["metadata"].get("interval") == "year",
        "open": session.data["status"] == "open",
    }


def _payment(data: Json) -> dict[str, Any]:
    intent = objects.payment_intent_of(data)
    disputes = [row.data for row in objects.of_payment(intent, ["dispute"])]
    waiting = [each["id"] for each in disputes if each["status"] == "needs_response"]
    return {
        "invoice": data,
        "created": moment(data["created"]),
        "refunded": objects.of_payment(intent, ["refund"]).exists(),
        "disputed": bool(disputes),
        "dispute": waiting[0] if waiting else "",
    }


def _use_card(customer: Customer, form: Mapping[str, str]) -> None:
    if form.get("card") not in set(Card):
        raise Http404
    subscriptions.use_card(customer.provider_customer_id, Card(form["card"]))


def _let_period_pass(customer: Customer, form: Mapping[str, str]) -> None:
    subscription = get_object_or_404(Subscription, user=customer.user, provider="sandbox")
    subscriptions.let_period_pass(subscription.provider_subscription_id)


def _refund(customer: Customer, form: Mapping[str, str]) -> None:
    paid = _get_paid_invoice(customer, form)
    payments.refund(objects.payment_intent_of(paid), cents=paid["total"])


def _dispute(customer: Customer, form: Mapping[str, str]) -> None:
    paid = _get_paid_invoice(customer, form)
    payments.dispute(objects.payment_intent_of(paid), cents=paid["total"])


def _win(customer: Customer, form: Mapping[str, str]) -> None:
    paid = _get_paid_invoice(customer, form)
    for row in objects.of_payment(objects.payment_intent_of(paid), ["dispute"]):
        payments.settle_dispute(row.pk, won=True)


def _get_paid_invoice(customer: Customer, form: Mapping[str, str]) -> Json:
    invoice_id = form.get("invoice", "")
    if not invoice_id.isidentifier():
        raise Http404
    row = get_object_or_404(_invoices(customer), pk=invoice_id, data__status="paid")
    return row.data  # type: ignore[no-any-return]


_ACTIONS: Mapping[str, Callable[[Customer, Mapping[str, str]], None]] = {
    "use card": _use_card,
    "let the period pass": _let_period_pass,
    "refund": _refund,
    "dispute": _dispute,
    "win the dispute": _win,
}
