"""What one can do with pictures that are ticked: one verb for each button of the bar.

Each answers a script that asks for a fragment with the sentence to say, and others with a redirect.
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
    """With `off` the pictures are no favourites any more."""
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
    """On the `board`, or on a new one of this `name`."""
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
    """The pages that it leads to say so themselves, beside the button that undoes it."""

    def delete(ids: Collection[UUID]) -> str:
        library.delete(user_of(request), ids)
        request.session[UNDO] = [str(each) for each in ids]
        return ngettext(
            "%(n)d picture is in the trash.", "%(n)d pictures are in the trash.", len(ids)
        ) % {"n": len(ids)}

    return _act(request, delete, quietly=True)


@login_required
@require_POST
def undo(request: HttpRequest) -> HttpResponse:
    """Bring back what was deleted last; with `dismiss` only stop offering it."""
    ids = [UUID(text) for text in request.session.pop(UNDO, [])]
    if not ids or "dismiss" in request.POST:
        return redirect(page_of(request))
    try:
        library.restore(user_of(request), ids)
    except library.NotYours:
        return _refuse(request, _("These pictures are removed already."))
    return _say(request, _restored(ids))


@login_required
@require_POST
def restore(request: HttpRequest) -> HttpResponse:
    def restore(ids: Collection[UUID]) -> str:
        library.restore(user_of(request), ids)
        return _restored(ids)

    return _act(request, restore)


@login_required
@require_POST
def remove(request: HttpRequest) -> HttpResponse:
    """For good; with `all` everything that is in the trash."""
    user = user_of(request)
    if "all" in request.POST:
        library.remove(user)
        return _say(request, _("The trash is empty."))

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
    quietly: bool = False,
) -> HttpResponse:
    """Do it to the pictures that are ticked, and say the sentence that the verb returns."""
    form = SelectionForm(request.POST)
    if not form.is_valid():
        return _refuse(request, _first_error(form))
    ids = form.cleaned_data["images"]
    try:
        sentence = verb(ids)
    except library.NotYours as error:
        raise Http404 from error
    if quietly and FRAGMENT not in request.headers:
        return redirect(page_of(request))
    return _say(request, sentence)


def _say(request: HttpRequest, sentence: str) -> HttpResponse:
    if FRAGMENT in request.headers:
        return HttpResponse(sentence, content_type="text/plain; charset=utf-8")
    messages.success(request, sentence)
    return redirect(page_of(request))


def _refuse(request: HttpRequest, reason: str) -> HttpResponse:
    if FRAGMENT in request.headers:
        return HttpResponse(reason, status=400, content_type="text/plain; charset=utf-8")
    messages.error(request, reason)
    return redirect(page_of(request))


def _restored(ids: Collection[UUID]) -> str:
    sentence = ngettext("%(n)d picture is back.", "%(n)d pictures are back.", len(ids))
    return sentence % {"n": len(ids)}


def _first_error(form: SelectionForm) -> str:
    return str(form.non_field_errors()[0])


def _get_board_for_user(request: HttpRequest, board_id: str) -> Board:
    if not board_id.isdecimal() or len(board_id) > 18:
        raise Http404
    return get_object_or_404(Board.objects.for_user(user_of(request)), pk=int(board_id))
