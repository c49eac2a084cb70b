"""The usage page: chart, list of jobs and CSV. Billing shows balances."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import asdict
from functools import partial
from urllib.parse import urlencode

from asgiref.sync import sync_to_async
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import content_disposition_header
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from accounts.requests import user_of
from generation import cursors
from generation.usage import charts, csv_export, pages
from generation.usage.filters import Period
from generation.usage.forms import PRESETS, UsageForm
from generation.usage.summary import summary


@login_required
@require_safe
@never_cache
def usage(request: HttpRequest) -> HttpResponse:
    """generation/usage.html

    form: UsageForm, sent by GET; period: Period; units: pairs of Spent and Chart; page: Page; presets:
    numbers of days; days: the selected preset or None; query: the filters for links; narrowed: the same
    without the period.
    """
    before = request.GET.get("before", "")
    if before.isdecimal():
        # Old links to pages of the ledger.
        return redirect(f"{reverse('billing:usage')}?before={before}", permanent=True)
    user = user_of(request)
    form = UsageForm(request.GET, user=user)
    period, filters = form.period, form.filters
    sums = summary(user, period, filters)
    form.show(sums.checkpoints)
    try:
        page = pages.page(user, period, filters, before=before)
    except cursors.InvalidCursor as error:
        raise Http404 from error
    context = {
        "form": form,
        "period": period,
        "units": [(spent, charts.chart(spent)) for spent in sums.shown],
        "page": page,
        "presets": PRESETS,
        "days": len(period) if period == Period.until_today(days=len(period)) else None,
        "query": _query(first=period.first, last=period.last, **asdict(filters)),
        "narrowed": _query(**asdict(filters)),
    }
    return render(request, "generation/usage.html", context)


@login_required
@require_safe
@never_cache
def usage_export(request: HttpRequest) -> StreamingHttpResponse:
    """The same jobs as CSV. An invalid query is a 404."""
    user = user_of(request)
    form = UsageForm(request.GET, user=user)
    if not form.is_valid():
        raise Http404
    period = form.period
    pieces = csv_export.pieces(user, period, form.filters)
    response = StreamingHttpResponse(_in_turn(pieces), content_type="text/csv; charset=utf-8")
    name = f"usage-{period.first}-{period.last}.csv"
    response["Content-Disposition"] = content_disposition_header(True, name)
    return response


def _query(**values: object) -> str:
    return urlencode({name: value for name, value in values.items() if value})


async def _in_turn(pieces: Iterator[str]) -> AsyncIterator[str]:
    """Pieces one by one; under ASGI, Django would collect a synchronous iterator first."""
    take = sync_to_async(partial(next, pieces, None))
    while (piece := await take()) is not None:
        yield piece
