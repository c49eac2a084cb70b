"""Pages of the gallery, for the owner only: another user's image is a 404, like an unknown id."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.db.models import Exists, OuterRef
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from accounts.requests import user_of
from generation import cursors
from generation.gallery import pages, search
from generation.gallery.forms import MAX_SELECTED, FilterForm, ShareForm
from generation.gallery.pages import Page
from generation.images import sources
from generation.models import KEPT_IN_TRASH, Board, BoardPicture, Image

# Header of scripts that ask for a fragment of a page.
FRAGMENT = "X-Fragment"
# Session key of the last deleted ids.
UNDO = "undo"


@login_required
@require_safe
@never_cache
def gallery(request: HttpRequest) -> HttpResponse:
    """generation/gallery.html: newest matching images, or with ?before=CURSOR the next page.

    Scripts that ask for a fragment get the images only.
    """
    user = user_of(request)
    form = FilterForm(request.GET)
    filters = form.filters
    boards = list(Board.objects.for_user(user).order_by("name", "id"))
    board = next((board for board in boards if board.pk == filters.board), None)
    if filters.board is not None and board is None:
        raise Http404
    context = {
        "page": _page(pages.page, user, filters, before=request.GET.get("before", "")),
        "query": form.query,
    }
    if FRAGMENT in request.headers:
        return render(request, "generation/_pictures.html", context)
    form.offer(search.checkpoints_of(user))
    context |= {
        "form": form,
        "filters": filters,
        "boards": boards,
        "board": board,
        "undo": request.session.get(UNDO),
        "max_selected": MAX_SELECTED,
    }
    return render(request, "generation/gallery.html", context)


@login_required
@require_safe
@never_cache
def trash(request: HttpRequest) -> HttpResponse:
    """generation/trash.html"""
    page = _page(pages.trash, user_of(request), before=request.GET.get("before", ""))
    context = {"page": page, "max_selected": MAX_SELECTED, "days": KEPT_IN_TRASH.days}
    fragment = FRAGMENT in request.headers
    template = "generation/_trashed.html" if fragment else "generation/trash.html"
    return render(request, template, context)


@login_required
@require_safe
@never_cache
def image(request: HttpRequest, image_id: UUID) -> HttpResponse:
    """generation/image.html: one image. The query has the gallery's filters, for its neighbors."""
    image = get_image_for_user(request, image_id)
    generation_request = image.job.generation_request
    form = FilterForm(request.GET)
    newer, older = pages.neighbors(image, form.filters)
    boards = Board.objects.for_user(image.user).order_by("name", "id")
    context = {
        "image": image,
        "job": image.job,
        "generation_request": generation_request,
        "sources": sources.find(image.user, sources.named(generation_request)),
        "has_states": image.kept_states.live().exists(),
        "newer": newer,
        "older": older,
        "query": form.query,
        "boards": boards.annotate(
            has_it=Exists(BoardPicture.objects.filter(board=OuterRef("pk"), image=image))
        ),
        "shares": image.shares.live().order_by("-id"),
        "share_form": ShareForm(),
        "undo": request.session.get(UNDO),
    }
    return render(request, "generation/image.html", context)


@login_required
@require_safe
@never_cache
def compare(request: HttpRequest) -> HttpResponse:
    """generation/compare.html: ?a=ID&b=ID side by side and overlaid."""
    pair = [get_image_for_user(request, _uuid(request.GET.get(name, ""))) for name in ("a", "b")]
    return render(request, "generation/compare.html", {"pair": pair})


def get_image_for_user(request: HttpRequest, image_id: UUID) -> Image:
    images = Image.objects.for_user(user_of(request)).kept().select_related("job").defer("terms")
    image = get_object_or_404(images, pk=image_id)
    image.user = user_of(request)
    return image


def page_of(request: HttpRequest) -> str:
    """The form's `next` if it is a local URL, else the gallery."""
    page = request.POST.get("next", "")
    own = url_has_allowed_host_and_scheme(page, allowed_hosts=None)
    return page if own else reverse("gallery")


def _page(find: Callable[..., Page], *args: Any, **kwargs: Any) -> Page:
    try:
        return find(*args, **kwargs)
    except cursors.InvalidCursor as error:
        raise Http404 from error


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError as error:
        raise Http404 from error
