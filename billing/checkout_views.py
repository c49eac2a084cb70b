"""Checkout pages: to the provider and back, and the customer portal."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from accounts.requests import user_of
from billing import checkouts, ledger, subscriptions
from billing.models import Interval, Payment, Subscription, Unit
from billing.payments import Contended
from billing.plans import PLANS, PRODUCTS, Plan, Product
from billing.providers.protocol import ProviderUnavailable, Urls


@login_required
@require_POST
def checkout(request: HttpRequest, plan_id: str, interval: str) -> HttpResponse:
    if plan_id not in PLANS or interval not in Interval.values:
        raise Http404
    user = user_of(request)
    if subscriptions.live(user):
        messages.info(request, _("You have a plan already; you can change it here."))
        return redirect("billing:plans")
    try:
        url = checkouts.subscribe(
            user, PLANS[plan_id], Interval(interval), urls=_urls(request, back="billing:plans")
        )
    except ProviderUnavailable as error:
        messages.error(request, str(error))
        return redirect("billing:plans")
    return redirect(url)


@login_required
@require_POST
def buy(request: HttpRequest, product_id: str) -> HttpResponse:
    if product_id not in PRODUCTS:
        raise Http404
    try:
        url = checkouts.buy(
            user_of(request), PRODUCTS[product_id], urls=_urls(request, back="billing:plan")
        )
    except ProviderUnavailable as error:
        messages.error(request, str(error))
        return redirect("billing:plans")
    return redirect(url)


@login_required
@require_GET
@never_cache
def success(request: HttpRequest) -> HttpResponse:
    """billing/success.html, the page after paying. It fulfils the checkout if no event came yet.

    bought: Plan | Product | None (None: the payment is pending, reload in some seconds);
    is_plan: bool; available_ms, available_credits: int.
    """
    user = user_of(request)
    checkout_id = request.GET.get("checkout", "")
    # PostgreSQL refuses a null byte in a query, so this guards the lookup as well.
    if not checkout_id.isidentifier():
        raise Http404
    try:
        paid = checkouts.complete(user, checkout_id=checkout_id)
    except checkouts.NoSuchCheckout as error:
        raise Http404 from error
    except (ProviderUnavailable, Contended):
        paid = None
    if isinstance(paid, Subscription) and paid.status == Subscription.Status.INCOMPLETE:
        paid = None
    bought: Plan | Product | None = None
    if isinstance(paid, Subscription):
        bought = PLANS[paid.plan]
    elif isinstance(paid, Payment):
        bought = PRODUCTS.get(paid.product)
    context = {
        "paid": paid,
        "bought": bought,
        "is_plan": isinstance(paid, Subscription),
        "available_ms": ledger.available(user, Unit.GPU_MS),
        "available_credits": ledger.available(user, Unit.CREDITS),
    }
    return render(request, "billing/success.html", context)


@login_required
@require_POST
def portal(request: HttpRequest) -> HttpResponse:
    user = user_of(request)
    if not user.customers.exists():
        return redirect("billing:plans")
    return_url = request.build_absolute_uri(reverse("billing:plan"))
    try:
        url = checkouts.open_portal(user, return_url=return_url)
    except ProviderUnavailable as error:
        messages.error(request, str(error))
        return redirect("billing:plan")
    return redirect(url)


def _urls(request: HttpRequest, *, back: str) -> Urls:
    landing = request.build_absolute_uri(reverse("billing:success"))
    return Urls(
        success=f"{landing}?checkout={{CHECKOUT_SESSION_ID}}",
        cancel=request.build_absolute_uri(reverse(back)),
    )
