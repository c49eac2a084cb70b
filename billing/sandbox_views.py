"""The sandbox provider's own pages, marked as a test; they don't exist where Stripe takes the money."""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from billing import sandbox, stripe_objects
from billing.models import SandboxObject, Subscription
from billing.plans import PLANS

P = ParamSpec("P")


def _sandbox_only(view: Callable[P, HttpResponse]) -> Callable[P, HttpResponse]:
    @wraps(view)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        if settings.STRIPE_SECRET_KEY:
            raise Http404
        return view(*args, **kwargs)

    return guarded


@_sandbox_only
@login_required
@require_http_methods(["GET", "POST"])
def checkout(request: HttpRequest, checkout_id: str) -> HttpResponse:
    """billing/sandbox_checkout.html

    plan: Plan; cancel_url: str; open: bool (False once it was paid).
    Two submit buttons post here: name="card" value="pay", and value="decline".
    """
    session = get_object_or_404(
        SandboxObject,
        pk=checkout_id,
        type="checkout.session",
        data__client_reference_id=str(request.user.pk),
    )
    if request.method == "POST" and request.POST.get("card") == "pay":
        return redirect(sandbox.pay(checkout_id))
    if request.method == "POST":
        messages.error(request, _("The test card was declined. Nothing was charged."))
    context = {
        "plan": PLANS[session.data["metadata"]["plan"]],
        "cancel_url": session.data["cancel_url"],
        "open": session.data["status"] == "open",
    }
    return render(request, "billing/sandbox_checkout.html", context)


@_sandbox_only
@login_required
@require_GET
def portal(request: HttpRequest) -> HttpResponse:
    """billing/sandbox_portal.html

    subscription: Subscription; invoices: list of dicts (id: str, cents: int, paid: bool,
    period_start, period_end: datetime), the latest first.
    """
    subscription = get_object_or_404(Subscription, user=request.user, provider="sandbox")
    invoices = [
        {
            "id": row.pk,
            "cents": row.data["total"],
            "paid": row.data["status"] == "paid",
            "period_start": stripe_objects.moment(row.data["lines"]["data"][-1]["period"]["start"]),
            "period_end": stripe_objects.moment(row.data["lines"]["data"][-1]["period"]["end"]),
        }
        for row in sandbox.invoices(subscription.provider_subscription_id)
    ]
    context = {"subscription": subscription, "invoices": invoices}
    return render(request, "billing/sandbox_portal.html", context)
