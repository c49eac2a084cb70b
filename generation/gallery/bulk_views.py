"""Bulk actions on selected images, one view for each button.

Scripts that ask for a fragment get a sentence to show; other clients get a redirect.
"""

from collections.abc import Callable, Collection
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from accounts.requests import user_of
from generation.gallery import boards
from generation.gallery.forms import BoardForm, SelectionForm
from generation.gallery.views import FRAGMENT, UNDO, page_of
from generation.images import library, zip_stream
from generation.models import Board, Image


@login_required
@require_POST
def favorite(request: HttpRequest) -> HttpResponse:
    """Mark the images as favorites, or with `off` no longer."""
    is_favorite = "off" not in request.POST

    def set_favorite(ids: Collection[UUID]) -> str:
        library.set_favorite(user_of(request), ids, favorite=is_favorite)
        if is_favorite:
            return ngettext(
                "%(n)d picture is a favourite now.", "%(n)d pictures are favourites now.", len(ids)
            ) % {"n": len(ids)}
        return ngettext(
            "%(n)d picture is no favourite any more.",
            "%(n)d pictures are no favourites any more.",
            len(ids),
        ) % {"n": len(ids)}

    return _act(request, set_favorite)


@login_required
@require_POST
def add_to_board(request: HttpRequest) -> HttpResponse:
    """Add to the `board`, or to a new board named `name`."""
    user = user_of(request)
    board_id = request.POST.get("board")
    chosen = _get_board_for_user(request, board_id) if board_id else None
    form = BoardForm(request.POST)
    if chosen is None and not form.is_valid():
        return _refuse(request, _("Give the new board a name."))

    def add(ids: Collection[UUID]) -> str:
        with transaction.atomic():
            board = chosen or boards.make(user, name=form.cleaned_data["name"])
            boards.add(board, ids)
        return ngettext(
            "%(n)d picture is on %(board)s.", "%(n)d pictures are on %(board)s.", len(ids)
        ) % {"n": len(ids), "board": board.name}

    try:
        return _act(request, add)
    except (boards.NameTaken, boards.TooManyBoards) as error:
        return _refuse(request, str(error))


@login_required
@require_POST
def remove_from_board(request: HttpRequest) -> HttpResponse:
    board = _get_board_for_user(request, request.POST.get("board", ""))

    def remove(ids: Collection[UUID]) -> str:
        boards.remove(board, ids)
        return ngettext(
            "%(n)d picture was taken off %(board)s.",
            "%(n)d pictures were taken off %(board)s.",
            len(ids),
        ) % {"n": len(ids), "board": board.name}

    return _act(request, remove)


@login_required
@require_POST
def delete(request: HttpRequest) -> HttpResponse:
    """Move the images to the trash. The next page shows the message and an undo button."""

    def delete(ids: Collection[UUID]) -> str:
        library.delete(user_of(request), ids)
        request.session[UNDO] = [str(each) for each in ids]
        return ngettext(
            "%(n)d picture is in the trash.", "%(n)d pictures are in the trash.", len(ids)
        ) % {"n": len(ids)}

    return _act(request, delete, is_silent=True)


@login_required
@require_POST
def undo(request: HttpRequest) -> HttpResponse:
    """Restore the last deleted images; with `dismiss` only hide the offer."""
    ids = [UUID(text) for text in request.session.pop(UNDO, [])]
    if not ids or "dismiss" in request.POST:
        return redirect(page_of(request))
    try:
        library.restore(user_of(request), ids)
    except library.NotYours:
        return _refuse(request, _("These pictures are removed already."))
    return _succeed(request, _restored_sentence(ids))


@login_required
@require_POST
def restore(request: HttpRequest) -> HttpResponse:
    def restore(ids: Collection[UUID]) -> str:
        library.restore(user_of(request), ids)
        return _restored_sentence(ids)

    return _act(request, restore)


@login_required
@require_POST
def remove(request: HttpRequest) -> HttpResponse:
    """Remove images from the trash permanently; with `all` the whole trash."""
    user = user_of(request)
    if "all" in request.POST:
        library.remove(user)
        return _succeed(request, _("The trash is empty."))

    def remove(ids: Collection[UUID]) -> str:
        library.remove(user, ids)
        return ngettext("%(n)d picture is removed.", "%(n)d pictures are removed.", len(ids)) % {
            "n": len(ids)
        }

    return _act(request, remove)


@login_required
@require_POST
def download(request: HttpRequest) -> HttpResponse | StreamingHttpResponse:
    form = SelectionForm(request.POST)
    if not form.is_valid():
        return _refuse(request, _first_error(form))
    ids = form.cleaned_data["images"]
    images = Image.objects.for_user(user_of(request)).kept().filter(pk__in=ids)
    found = list(images.order_by("-created_at", "-id").defer("terms"))
    if len(found) != len(ids):
        raise Http404
    name = f"pictures-{timezone.now():%Y-%m-%d}.zip"
    return StreamingHttpResponse(
        zip_stream.stream(found),
        content_type="application/zip",
        headers={
            "Content-Disposition": str(content_disposition_header(True, name)),
            "Cache-Control": "private, no-store",
        },
    )


@login_required
@require_POST
def compare(request: HttpRequest) -> HttpResponse:
    form = SelectionForm(request.POST)
    if not form.is_valid() or len(form.cleaned_data["images"]) != 2:
        return _refuse(request, _("Select two pictures to compare."))
    a, b = request.POST.getlist("images")
    return redirect(f"{reverse('compare')}?a={UUID(a)}&b={UUID(b)}")


def _act(
    request: HttpRequest,
    verb: Callable[[Collection[UUID]], str],
    *,
    is_silent: bool = False,
) -> HttpResponse:
    """Apply the verb to the selected images and show the sentence that it returns."""
    form = SelectionForm(request.POST)
    if not form.is_valid():
        return _refuse(request, _first_error(form))
    ids = form.cleaned_data["images"]
    try:
        sentence = verb(ids)
    except library.NotYours as error:
        raise Http404 from error
    if is_silent and FRAGMENT not in request.headers:
        return redirect(page_of(request))
    return _succeed(request, sentence)


def _succeed(request: HttpRequest, sentence: str) -> HttpResponse:
    if FRAGMENT in request.headers:
        return HttpResponse(sentence, content_type="text/plain; charset=utf-8")
    messages.success(request, sentence)
    return redirect(page_of(request))


def _refuse(request: HttpRequest, reason: str) -> HttpResponse:
    if FRAGMENT in request.headers:
        return HttpResponse(reason, status=400, content_type="text/plain; charset=utf-8")
    messages.error(request, reason)
    return redirect(page_of(request))


def _restored_sentence(ids: Collection[UUID]) -> str:
    sentence = ngettext("%(n)d picture is back.", "%(n)d pictures are back.", len(ids))
    return sentence % {"n": len(ids)}


def _first_error(form: SelectionForm) -> str:
    return str(form.non_field_errors()[0])


def _get_board_for_user(request: HttpRequest, board_id: str) -> Board:
    if not board_id.isdecimal() or len(board_id) > 18:
        raise Http404
    return get_object_or_404(Board.objects.for_user(user_of(request)), pk=int(board_id))
