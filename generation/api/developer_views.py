"""Account pages for developers: API keys, balance, call log and webhooks."""

from functools import partial
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import keys, outbox
from accounts.models import ApiKey, Pays
from accounts.rate_limits import limited
from accounts.requests import user_of
from billing import ledger
from billing.models import Unit
from generation import emails
from generation.api import guide, webhooks
from generation.api.key_forms import KeyForm
from generation.engine.checkpoints.catalogue import Checkpoint
from generation.engine.enums import Mode
from generation.jobs import budgets
from generation.models.api import Call, Delivery
from generation.options.offered import preferred

if TYPE_CHECKING:
    from accounts.models import User

RECENT_CALLS = 50
RECENT_DELIVERIES = 20


@login_required
@require_safe
@never_cache
def developer(request: HttpRequest) -> HttpResponse:
    """generation/developer.html

    keys: not revoked, newest first, each with `spent`; credits: Standing; calls, deliveries;
    formats: list[ApiFormatGuide].
    """
    user = user_of(request)
    found = ApiKey.objects.filter(user=user, revoked_at=None).order_by("-created_at")
    context = {
        "keys": budgets.with_spent(found),
        "credits": ledger.available_and_held(user, Unit.CREDITS),
        "calls": _calls(user),
        "deliveries": _deliveries(user),
        "checkpoint": _first_for_prompts(),
        "formats": guide.FORMATS.values(),
    }
    return render(request, "generation/developer.html", context)


@login_required
@require_safe
@never_cache
def developer_calls(request: HttpRequest) -> HttpResponse:
    """The call log alone, which a script polls."""
    return render(request, "generation/_calls.html", {"calls": _calls(user_of(request))})


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@limited("api_key")
def key_make(request: HttpRequest) -> HttpResponse:
    """generation/key_make.html; after it is made, generation/key_made.html with its `secret`, and whether it `has_nothing`."""
    user = user_of(request)
    form = KeyForm(request.POST or None, initial={"pays_in": _wallet_in_use(user)})
    if not form.is_valid():
        return render(request, "generation/key_make.html", {"form": form})
    try:
        key, secret = keys.make(
            user, name=form.cleaned_data["name"], limits=form.limits, pays_in=form.paid_in
        )
    except keys.TooManyKeys as error:
        form.add_error(None, str(error))
        return render(request, "generation/key_make.html", {"form": form})
    return _show_once(request, key, secret)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def key(request: HttpRequest, key_id: UUID) -> HttpResponse:
    """generation/key.html

    form: KeyForm, posts to itself; key; spent: of its budget; has_nothing: to pay with.
    """
    key = _get_key_for_user(request, key_id)
    form = KeyForm(request.POST or None, key=key)
    if not form.is_valid():
        context = {
            "form": form,
            "key": key,
            "spent": budgets.spent(key),
            "has_nothing": _has_nothing(key),
        }
        return render(request, "generation/key.html", context)
    keys.change(key, name=form.cleaned_data["name"], limits=form.limits)
    messages.success(request, _("The key was changed."))
    return redirect("developer")


@login_required
@require_POST
@never_cache
@limited("api_key")
def key_rotate(request: HttpRequest, key_id: UUID) -> HttpResponse:
    key = _get_key_for_user(request, key_id)
    return _show_once(request, key, keys.rotate(key))


@login_required
@require_POST
def key_revoke(request: HttpRequest, key_id: UUID) -> HttpResponse:
    key = _get_key_for_user(request, key_id)
    keys.revoke(key)
    messages.success(request, _("The key was revoked. It opens nothing any more."))
    return redirect("developer")


@login_required
@require_POST
def webhook_send_again(request: HttpRequest, delivery_id: UUID) -> HttpResponse:
    own = Delivery.objects.filter(api_key__user=user_of(request))
    webhooks.send_again(get_object_or_404(own, pk=delivery_id))
    messages.success(request, _("The message is on its way again."))
    return redirect("developer")


def _get_key_for_user(request: HttpRequest, key_id: UUID) -> ApiKey:
    own = ApiKey.objects.filter(user=user_of(request), revoked_at=None)
    return get_object_or_404(own, pk=key_id)


def _show_once(request: HttpRequest, key: ApiKey, secret: str) -> HttpResponse:
    """Show the secret, which only this response has, and email the owner in case of a break-in."""
    user = user_of(request)
    key.refresh_from_db()
    outbox.send(partial(emails.key_made, key=key), to=user.email, user=user)
    context = {"key": key, "secret": secret, "has_nothing": _has_nothing(key)}
    return render(request, "generation/key_made.html", context)


def _wallet_in_use(user: "User") -> Pays:
    """The way to pay with which a new key works at once: the plan's minutes for whoever has no credits."""
    has_minutes_alone = (
        ledger.available(user, Unit.CREDITS) <= 0 < ledger.available(user, Unit.GPU_MS)
    )
    return Pays.GPU_MS if has_minutes_alone else Pays.CREDITS


def _has_nothing(key: ApiKey) -> bool:
    """True if the key cannot pay for anything now."""
    return ledger.available(key.user, Unit(key.pays_in)) <= 0


def _first_for_prompts() -> Checkpoint | None:
    """The checkpoint of the examples: the default of a new key."""
    return next((each for each in preferred() if Mode.TEXT_TO_IMAGE in each.modes), None)


def _calls(user: "User") -> list[Call]:
    calls = Call.objects.filter(api_key__user=user).select_related("api_key", "job__order__job")
    calls = calls.prefetch_related("job__order__rest__job")
    return list(calls.order_by("-created_at", "-id")[:RECENT_CALLS])


def _deliveries(user: "User") -> list[Any]:
    found = Delivery.objects.filter(api_key__user=user).select_related("api_key")
    return list(found.order_by("-created_at", "-id")[:RECENT_DELIVERIES])
