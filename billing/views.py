"""Pages about plans, the own plan, and the statement of all movements."""

from collections.abc import Callable
from functools import partial

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from accounts.requests import user_of
from billing import ledger, statement, storefront, subscriptions
from billing.form_redirects import allow_provider_redirects
from billing.models import LIVE, Grant, Interval, Payment, Subscription, Unit
from billing.plans import CREDIT_PACKS, PLANS, TOP_UPS, TRIAL, plan_of, plan_under
from billing.providers import gateway, provider
from billing.providers.protocol import ProviderUnavailable

PAYMENTS_SHOWN = 24
# In the session, from the way to the provider's page until the plan page finds the payment made.
GONE_TO_PAY = "billing.gone_to_pay"


@require_GET
@allow_provider_redirects
def plans(request: HttpRequest) -> HttpResponse:
    """billing/plans.html

    offered: list[storefront.Offered] by ?interval=; interval: Interval; trial: Plan;
    top_ups: list[TopUp]; credit_packs: list[CreditPack]; subscription: the live one or None.
    """
    interval = _interval(request)
    user = request.user
    context = {
        "offered": storefront.offered(user, interval),
        "interval": interval,
        "trial": TRIAL,
        "top_ups": list(TOP_UPS.values()),
        "credit_packs": list(CREDIT_PACKS.values()),
        "currency": settings.CURRENCY,
        "subscription": (
            Subscription.objects.filter(user=user, status__in=LIVE).first()
            if user.is_authenticated
            else None
        ),
    }
    return render(request, "billing/plans.html", context)


@login_required
@require_GET
@never_cache
@allow_provider_redirects
def plan(request: HttpRequest) -> HttpResponse:
    """billing/plan.html

    plan: Plan; subscription: Subscription | None (also a canceled one); next_plan: Plan | None;
    payments: list[Payment], the latest first; grants and credits: list[Grant], unspent ones in
    the order of spending; available_ms, available_credits: int; is_customer: bool;
    is_sandbox: bool.
    """
    user = user_of(request)
    # The provider's page for paying an invoice leads here, and its event may be late.
    if not subscriptions.look_again(user, has_gone_to_pay=request.session.get(GONE_TO_PAY, False)):
        request.session.pop(GONE_TO_PAY, None)
    subscription = Subscription.objects.filter(user=user).first()
    wallets = {wallet.unit: wallet for wallet in user.wallets.all()}
    grants, credits = (
        list(wallets[unit].grants.spendable()) if unit in wallets else []
        for unit in (Unit.GPU_MS, Unit.CREDITS)
    )
    payments = Payment.objects.filter(user=user).order_by("-created_at", "-id")
    context = {
        "plan": plan_of(user),
        "subscription": subscription,
        "next_plan": PLANS.get(subscription.next_plan) if subscription else None,
        "payments": list(payments[:PAYMENTS_SHOWN]),
        "grants": grants,
        "credits": credits,
        "available_ms": ledger.available(user, Unit.GPU_MS),
        "available_credits": ledger.available(user, Unit.CREDITS),
        "is_customer": user.customers.exists(),
        "is_sandbox": provider().is_sandbox,
    }
    return render(request, "billing/plan.html", context)


@login_required
@require_GET
def pay(request: HttpRequest, payment_id: int) -> HttpResponse:
    """Redirects to the provider's page for paying or confirming an open invoice."""
    payment = _get_payment_for_user(request, payment_id)
    if payment.status != Payment.Status.OPEN:
        return redirect("billing:plan")
    request.session[GONE_TO_PAY] = True
    return _redirect_to_provider(request, partial(gateway().invoice_page, payment.invoice_id))


@login_required
@require_GET
def invoice(request: HttpRequest, payment_id: int) -> HttpResponse:
    """Redirects to the invoice's PDF."""
    payment = _get_payment_for_user(request, payment_id)
    return _redirect_to_provider(request, partial(gateway().invoice_pdf, payment.invoice_id))


@login_required
@require_GET
@allow_provider_redirects
def usage(request: HttpRequest) -> HttpResponse:
    """billing/usage.html

    page: statement.Page, by ?before=; plan: Plan; subscription: Subscription | None (also a canceled
    one); available_ms, held_ms, available_credits: int; grants: list[Grant], unspent ones in the order of
    spending.
    """
    user = user_of(request)
    before = request.GET.get("before", "")
    if before and (not before.isdecimal() or len(before) > 18):
        raise Http404
    wallets = {wallet.unit: wallet for wallet in user.wallets.all()}
    minutes, credits = (ledger.available_in(wallets.get(unit)) for unit in Unit)
    subscription = Subscription.objects.filter(user=user).first()
    context = {
        "page": statement.page(user, wallets.values(), before=int(before) if before else None),
        "plan": plan_under(subscription),
        "subscription": subscription,
        "available_ms": minutes.available,
        "held_ms": minutes.held,
        "available_credits": credits.available,
        "grants": list(Grant.objects.spendable().for_user(user, Unit.GPU_MS)),
    }
    return render(request, "billing/usage.html", context)


def _interval(request: HttpRequest) -> Interval:
    interval = request.GET.get("interval", Interval.MONTH)
    return Interval(interval) if interval in Interval.values else Interval.MONTH


def _get_payment_for_user(request: HttpRequest, payment_id: int) -> Payment:
    return get_object_or_404(Payment, pk=payment_id, user=user_of(request), invoice_id__gt="")


def _redirect_to_provider(request: HttpRequest, find: Callable[[], str]) -> HttpResponse:
    """Redirect to a page of the provider."""
    try:
        return redirect(find())
    except ProviderUnavailable as error:
        messages.error(request, str(error))
        return redirect("billing:plan")
