"""What a person sees and does about money: guards first, one verb, a page or a redirect."""

from csp.decorators import csp_update
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from accounts.guards import user_of
from billing import ledger, subscriptions
from billing.gateway import ProviderUnavailable, gateway
from billing.models import LIVE, Entry, Subscription, Unit
from billing.plans import CREDIT_PACKS, PLANS, TRIAL, Plan, plan_of

ENTRIES_PER_PAGE = 50
# What a verb may answer instead of doing its work, with a message fit to show.
REFUSALS = (subscriptions.NotSubscribed, subscriptions.Contended, ProviderUnavailable)
# Browsers apply `form-action` to where a posted form redirects, too.
_forms_may_lead_to_stripe = csp_update(
    {"form-action": ["https://checkout.stripe.com", "https://billing.stripe.com"]}
)


@require_GET
@_forms_may_lead_to_stripe
def plans(request: HttpRequest) -> HttpResponse:
    """billing/plans.html

    plans: list[Plan]; trial: Plan; credit_packs: list[CreditPack];
    current_plan: Plan | None (None for visitors); subscription: Subscription | None (the live one).
    Buttons post to billing:checkout, or with a subscription to billing:change, by plan.id.
    """
    user = request.user
    context = {
        "plans": list(PLANS.values()),
        "trial": TRIAL,
        "credit_packs": list(CREDIT_PACKS.values()),
        "current_plan": plan_of(user) if user.is_authenticated else None,
        "subscription": _live_subscription(request),
    }
    return render(request, "billing/plans.html", context)


@login_required
@require_POST
def checkout(request: HttpRequest, plan_id: str) -> HttpResponse:
    plan = _get_plan(plan_id)
    if _live_subscription(request):
        messages.info(request, _("You have a plan already; you can change it here."))
        return redirect("billing:plans")
    user = user_of(request)
    landing = request.build_absolute_uri(reverse("billing:success"))
    try:
        url = gateway().create_checkout(
            user,
            plan,
            success_url=f"{landing}?checkout={{CHECKOUT_SESSION_ID}}",
            cancel_url=request.build_absolute_uri(reverse("billing:plans")),
            idempotency_key=subscriptions.checkout_key(user, plan),
        )
    except ProviderUnavailable as error:
        messages.error(request, str(error))
        return redirect("billing:plans")
    return redirect(url)


@login_required
@require_GET
@never_cache
def success(request: HttpRequest) -> HttpResponse:
    """billing/success.html, the page after paying; it activates by itself if no event came yet.

    subscription: Subscription | None (None: the payment is still on its way, reload in some seconds);
    plan: Plan | None; available_ms: int.
    """
    user = user_of(request)
    try:
        subscription = subscriptions.activate(user, checkout_id=request.GET.get("checkout", ""))
    except subscriptions.NoSuchCheckout as error:
        raise Http404 from error
    except REFUSALS:
        subscription = None
    context = {
        "subscription": subscription,
        "plan": PLANS[subscription.plan] if subscription else None,
        "available_ms": ledger.available(user, Unit.GPU_MS),
    }
    return render(request, "billing/success.html", context)


@login_required
@require_POST
def change(request: HttpRequest, plan_id: str) -> HttpResponse:
    plan = _get_plan(plan_id)
    try:
        subscriptions.change(user_of(request), plan)
    except REFUSALS as error:
        messages.error(request, str(error))
    else:
        messages.success(request, _("You are on the %(plan)s plan now.") % {"plan": plan.name})
    return redirect("billing:plans")


@login_required
@require_POST
def cancel(request: HttpRequest) -> HttpResponse:
    try:
        subscriptions.cancel(user_of(request))
    except REFUSALS as error:
        messages.error(request, str(error))
    else:
        messages.success(
            request, _("Your plan ends with its period. You can undo this until then.")
        )
    return redirect("billing:usage")


@login_required
@require_POST
def resume(request: HttpRequest) -> HttpResponse:
    try:
        subscriptions.resume(user_of(request))
    except REFUSALS as error:
        messages.error(request, str(error))
    else:
        messages.success(request, _("Your plan goes on."))
    return redirect("billing:usage")


@login_required
@require_POST
def portal(request: HttpRequest) -> HttpResponse:
    if not Subscription.objects.filter(user=user_of(request)).exists():
        return redirect("billing:plans")
    try:
        url = gateway().create_portal(
            user_of(request), return_url=request.build_absolute_uri(reverse("billing:usage"))
        )
    except ProviderUnavailable as error:
        messages.error(request, str(error))
        return redirect("billing:usage")
    return redirect(url)


@login_required
@require_GET
@_forms_may_lead_to_stripe
def usage(request: HttpRequest) -> HttpResponse:
    """billing/usage.html

    available_ms, held_ms: int; plan: Plan; subscription: Subscription | None (also a canceled one);
    grants: list[Grant] with something left, in the order in which they are spent;
    entries: list[Entry] (kind, amount in ms, note, created_at, grant, hold), newest first;
    older: int | None, for the link to the next page: ?before={{ older }}.
    """
    user = user_of(request)
    wallet = ledger.wallet_of(user, Unit.GPU_MS)
    entries = Entry.objects.filter(wallet=wallet).select_related("grant", "hold").order_by("-id")
    before = request.GET.get("before", "")
    if before:
        if not before.isdecimal() or len(before) > 18:
            raise Http404
        entries = entries.filter(pk__lt=int(before))
    page = list(entries[: ENTRIES_PER_PAGE + 1])
    context = {
        "available_ms": ledger.available(user, Unit.GPU_MS),
        "held_ms": wallet.held,
        "plan": plan_of(user),
        "subscription": Subscription.objects.filter(user=user).first(),
        "grants": list(wallet.grants.spendable()),
        "entries": page[:ENTRIES_PER_PAGE],
        "older": page[ENTRIES_PER_PAGE - 1].pk if len(page) > ENTRIES_PER_PAGE else None,
    }
    return render(request, "billing/usage.html", context)


def _get_plan(plan_id: str) -> Plan:
    if plan_id not in PLANS:
        raise Http404
    return PLANS[plan_id]


def _live_subscription(request: HttpRequest) -> Subscription | None:
    if not request.user.is_authenticated:
        return None
    return Subscription.objects.filter(user=user_of(request), status__in=LIVE).first()
