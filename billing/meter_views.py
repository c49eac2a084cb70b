"""The balance and grants behind the meter in every page's header."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from accounts.requests import user_of
from billing import ledger
from billing.models import Grant, Unit


@login_required
@require_safe
@never_cache
def meter(request: HttpRequest) -> HttpResponse:
    """billing/_minutes.html

    available_ms, held_ms: int; grants: list[Grant], unspent ones in the order of spending.
    """
    user = user_of(request)
    amounts = ledger.available_and_held(user, Unit.GPU_MS)
    context = {
        "available_ms": amounts.available,
        "held_ms": amounts.held,
        "grants": list(Grant.objects.spendable().for_user(user, Unit.GPU_MS)),
    }
    return render(request, "billing/_minutes.html", context)
