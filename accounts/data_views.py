"""Pages for exporting a user's data and deleting the account."""

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID

from allauth.account.decorators import reauthentication_required
from django.contrib.auth import logout
from django.contrib.auth.decorators import login_required
from django.core.files.storage import default_storage
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.http import content_disposition_header
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import deletion, exports
from accounts.forms import DeletionForm
from accounts.models import Export
from accounts.rate_limits import limited
from accounts.requests import user_of

CHUNK = 2**20


@login_required
@require_safe
@never_cache
def data(request: HttpRequest) -> HttpResponse:
    """accounts/data.html

    export: the latest Export | None; kept_days: int.
    """
    return render(request, "accounts/data.html", _export_context(request))


@login_required
@require_safe
@never_cache
def export_card(request: HttpRequest) -> HttpResponse:
    """The page's export card as HTML, polled by a script for progress."""
    return render(request, "accounts/_export.html", _export_context(request))


@login_required
@require_POST
@limited("export")
def export(request: HttpRequest) -> HttpResponse:
    exports.request(user_of(request))
    return redirect("accounts:data")


@login_required
@require_safe
@never_cache
def export_download(request: HttpRequest, export_id: UUID) -> HttpResponseBase:
    export = get_object_or_404(Export, pk=export_id, user=user_of(request))
    if not export.is_ready or not default_storage.exists(export.file):
        raise Http404
    response = StreamingHttpResponse(_chunks(export.file), content_type="application/zip")
    response["Content-Length"] = str(export.bytes)
    name = f"my-data-{export.created_at:%Y-%m-%d}.zip"
    response["Content-Disposition"] = content_disposition_header(True, name)
    return response


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@limited("delete_account")
@reauthentication_required(app="allauth.account")  # type: ignore[untyped-decorator]  # it has no types
def delete(request: HttpRequest) -> HttpResponse:
    """accounts/delete.html

    form: DeletionForm; posts to itself. Requires a recent sign-in.
    """
    user = user_of(request)
    form = DeletionForm(request.POST or None, user=user)
    if not form.is_valid():
        return render(request, "accounts/delete.html", {"form": form})
    deletion.request(user)
    logout(request)
    return redirect("accounts:deleted")


@require_safe
def deleted(request: HttpRequest) -> HttpResponse:
    return render(request, "accounts/deleted.html")


def _export_context(request: HttpRequest) -> dict[str, object]:
    latest = Export.objects.filter(user=user_of(request)).order_by("-created_at").first()
    return {"export": latest, "kept_days": exports.KEPT.days}


async def _chunks(key: str) -> AsyncIterator[bytes]:
    """The stored file in chunks, each read in a thread: the server is asynchronous."""
    file = await asyncio.to_thread(default_storage.open, key)
    with file:
        while chunk := await asyncio.to_thread(file.read, CHUNK):
            yield chunk
