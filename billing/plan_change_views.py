"""Pages that change a subscription; a change of plan shows its price first."""

from collections.abc import Callable

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from accounts import time_zones
from accounts.models import User
from accounts.requests import user_of
from billing import plan_changes
from billing.form_redirects import allow_provider_redirects
from billing.models import Interval, Subscription
from billing.payments import Contended
from billing.plans import PLANS
from billing.providers.protocol import CardDeclined, ProviderUnavailable

# Raised by the verbs, each with a message for the customer.
ERRORS = (
    plan_changes.NotSubscribed,
    plan_changes.PaymentFirst,
    plan_changes.SamePlan,
    plan_changes.OfferExpired,
    CardDeclined,
    Contended,
    ProviderUnavailable,
)


@login_required
@require_http_methods(["GET", "POST"])
@never_cache
@allow_provider_redirects
def change(request: HttpRequest, plan_id: str, interval: str) -> HttpResponse:
    """billing/change.html

    offer: plan_changes.Offer; subscription: Subscription.
    The form posts the offer's token here.
    """
    if plan_id not in PLANS or interval not in Interval.values:
        raise Http404
    user = user_of(request)
    try:
        if request.method == "POST":
            return _change(request, user)
        offer = plan_changes.offer(user, PLANS[plan_id], Interval(interval))
    except ERRORS as error:
        messages.error(request, str(error))
        return redirect("billing:plans")
    context = {"offer": offer, "subscription": Subscription.objects.get(user=user)}
    return render(request, "billing/change.html", context)


@login_required
@require_POST
def cancel(request: HttpRequest) -> HttpResponse:
    done = _("Your plan ends with its period. You can undo this until then.")
    return _do(request, plan_changes.cancel, done=done)


@login_required
@require_POST
def resume(request: HttpRequest) -> HttpResponse:
    return _do(request, plan_changes.resume, done=_("Your plan goes on."))


@login_required
@require_POST
def keep(request: HttpRequest) -> HttpResponse:
    return _do(request, plan_changes.keep, done=_("Your plan stays as it is."))


@login_required
@require_POST
def end(request: HttpRequest) -> HttpResponse:
    done = _("Your plan has ended, and you owe nothing. Your pictures and what you bought stay.")
    return _do(request, plan_changes.end, done=done)


def _change(request: HttpRequest, user: User) -> HttpResponse:
    """Raises one of ERRORS."""
    page = plan_changes.change(user, request.POST.get("token", ""))
    if page is not None:
        return redirect(page)
    subscription = Subscription.objects.get(user=user)
    if subscription.next_plan:
        done = _("Your plan changes to %(plan)s on %(date)s. You can undo this until then.") % {
            "plan": PLANS[subscription.next_plan].name,
            "date": time_zones.named(subscription.current_period_end),
        }
    else:
        done = _("You are on the %(plan)s plan now.") % {"plan": PLANS[subscription.plan].name}
    messages.success(request, done)
    return redirect("billing:plan")


def _do(
    request: HttpRequest, verb: Callable[[User], Subscription | None], *, done: str
) -> HttpResponse:
    try:
        verb(user_of(request))
    except ERRORS as error:
        messages.error(request, str(error))
    else:
        messages.success(request, done)
    return redirect("billing:plan")
