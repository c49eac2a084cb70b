"""Pages that change a subscription; each says first what it costs, or until when things stay."""

from collections.abc import Callable

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import Min
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts import time_zones
from accounts.models import User
from accounts.requests import user_of
from billing import ledger, plan_changes, subscriptions
from billing.form_redirects import allow_provider_redirects
from billing.models import Grant, Interval, Payment, Subscription, Unit
from billing.payments import Contended
from billing.plans import PLANS, TRIAL
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
@require_GET
@never_cache
def confirm_cancel(request: HttpRequest) -> HttpResponse:
    return _leave(request, ends_now=False)


@login_required
@require_POST
def cancel(request: HttpRequest) -> HttpResponse:
    done = _(
        "Your plan is canceled and stays active until %(date)s. You can resume any time before then."
    )
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
@require_GET
@never_cache
def confirm_end(request: HttpRequest) -> HttpResponse:
    return _leave(request, ends_now=True)


@login_required
@require_POST
def end(request: HttpRequest) -> HttpResponse:
    done = _("Your plan has ended, and you owe nothing. Your pictures and what you bought stay.")
    return _do(request, plan_changes.end_unpaid, done=done)


def _leave(request: HttpRequest, *, ends_now: bool) -> HttpResponse:
    """billing/leave.html, whose form posts to `cancel` or, for a plan that is not paid, to `end`.

    subscription: Subscription; plan: Plan; next_plan: Plan | None; ends_now: bool; trial: Plan, with the
    limits after the end; grants: list[Grant], unspent ones in the order of spending;
    available_credits: int; next_minutes_at: datetime | None, of a year's next month.
    """
    user = user_of(request)
    subscription = subscriptions.live(user)
    if subscription is None:
        messages.error(request, str(plan_changes.NotSubscribed()))
        return redirect("billing:plan")
    if subscription.is_past_due != ends_now:
        return redirect(
            "billing:confirm_end" if subscription.is_past_due else "billing:confirm_cancel"
        )
    if subscription.cancel_at_period_end and not ends_now:
        return redirect("billing:plan")
    months = Payment.objects.filter(
        user=user, provider_subscription_id=subscription.provider_subscription_id
    )
    context = {
        "subscription": subscription,
        "plan": PLANS[subscription.plan],
        "next_plan": PLANS.get(subscription.next_plan),
        "ends_now": ends_now,
        "trial": TRIAL,
        "grants": list(Grant.objects.spendable().for_user(user, Unit.GPU_MS)),
        "available_credits": ledger.available(user, Unit.CREDITS),
        "next_minutes_at": None if ends_now else months.aggregate(at=Min("next_month_at"))["at"],
    }
    return render(request, "billing/leave.html", context)


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
    """`done` may contain %(date)s, the end of the period."""
    user = user_of(request)
    try:
        verb(user)
    except plan_changes.PageExpired as error:
        messages.error(request, str(error))
        # It goes on to the page for a past-due plan.
        return redirect("billing:confirm_cancel")
    except ERRORS as error:
        messages.error(request, str(error))
    else:
        ends_at = Subscription.objects.get(user=user).current_period_end
        messages.success(request, done % {"date": time_zones.named(ends_at)})
    return redirect("billing:plan")
