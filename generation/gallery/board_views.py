"""Pages of boards: list, create, rename, delete. The gallery shows a board's images."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import OuterRef, Subquery
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from accounts.requests import user_of
from generation.gallery import boards
from generation.gallery.forms import BoardForm
from generation.models import Board, BoardPicture


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def board_list(request: HttpRequest) -> HttpResponse:
    """generation/boards.html: all boards with their newest images, and a form for a new one."""
    form = BoardForm(request.POST or None)
    if form.is_valid():
        try:
            return redirect(boards.make(user_of(request), name=form.cleaned_data["name"]))
        except (boards.NameTaken, boards.TooManyBoards) as error:
            form.add_error("name", str(error))
    on_board = BoardPicture.objects.filter(board=OuterRef("pk"), image__deleted_at=None)
    newest = on_board.order_by("-created_at", "-image").values("image")[:1]
    own = Board.objects.for_user(user_of(request)).annotate(cover=Subquery(newest))
    context = {"form": form, "boards": own.order_by("name", "id")}
    return render(request, "generation/boards.html", context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def board_detail(request: HttpRequest, board_id: int) -> HttpResponse:
    """generation/board.html: forms to rename and delete a board."""
    board = _get_board_for_user(request, board_id)
    form = BoardForm(request.POST or None, initial={"name": board.name})
    if form.is_valid():
        try:
            boards.rename(board, name=form.cleaned_data["name"])
        except boards.NameTaken as error:
            form.add_error("name", str(error))
        else:
            messages.success(request, _("The board has its new name."))
            return redirect(board)
    context: dict[str, Any] = {"form": form, "board": _get_board_for_user(request, board_id)}
    return render(request, "generation/board.html", context)


@login_required
@require_POST
def board_delete(request: HttpRequest, board_id: int) -> HttpResponse:
    board = _get_board_for_user(request, board_id)
    boards.delete(board)
    messages.success(
        request,
        _("The board %(name)s is deleted. Its pictures are in your gallery.")
        % {"name": board.name},
    )
    return redirect("boards")


def _get_board_for_user(request: HttpRequest, board_id: int) -> Board:
    return get_object_or_404(Board.objects.for_user(user_of(request)), pk=board_id)
