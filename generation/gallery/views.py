"""Pictures, to their owner alone: another's id is 404, exactly as one that never was."""

from collections.abc import Callable
from pathlib import PurePosixPath
from typing import Any
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.db.models import Exists, OuterRef
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.cache import get_conditional_response
from django.utils.http import (
    content_disposition_header,
    quote_etag,
    url_has_allowed_host_and_scheme,
)
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from accounts.requests import user_of
from generation.gallery import pages as pictures
from generation.gallery import search
from generation.gallery.forms import MAX_SELECTED, FilterForm, ShareForm
from generation.gallery.pages import Page
from generation.images import storage, uploads
from generation.models import KEPT_IN_TRASH, Board, BoardPicture, Image

# A picture never changes, and no cache that others share may keep it.
CACHE_CONTROL = "private, max-age=31536000, immutable"
# What a script sends along that wants a part of a page.
FRAGMENT = "X-Fragment"
# Where the session has the ids of what was deleted last.
UNDO = "undo"
CONTENT_TYPES = {".png": "image/png", ".webp": "image/webp"}


@login_required
@require_safe
@never_cache
def gallery(request: HttpRequest) -> HttpResponse:
    """The newest pictures that pass the filters in the query, or with ?before=CURSOR the next page.

    generation/gallery.html. A script that asks for a fragment is sent the page's pictures alone.
    """
    user = user_of(request)
    filters = FilterForm(request.GET)
    wanted = filters.wanted
    boards = list(Board.objects.for_user(user).order_by("name", "id"))
    board = next((board for board in boards if board.pk == wanted.board), None)
    if wanted.board is not None and board is None:
        raise Http404
    context = {
        "page": _page(pictures.page, user, wanted, before=request.GET.get("before", "")),
        "query": filters.query,
    }
    if FRAGMENT in request.headers:
        return render(request, "generation/_pictures.html", context)
    filters.offer(search.checkpoints_of(user))
    context |= {
        "filters": filters,
        "wanted": wanted,
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
    page = _page(pictures.trash, user_of(request), before=request.GET.get("before", ""))
    context = {"page": page, "max_selected": MAX_SELECTED, "days": KEPT_IN_TRASH.days}
    fragment = FRAGMENT in request.headers
    template = "generation/_trashed.html" if fragment else "generation/trash.html"
    return render(request, template, context)


@login_required
@require_safe
@never_cache
def image(request: HttpRequest, image_id: UUID) -> HttpResponse:
    """One picture; the query has the filters of the gallery that one came from, for its neighbours.

    generation/image.html
    """
    image = _get_image_for_user(request, image_id)
    wanted = image.job.generation_request
    filters = FilterForm(request.GET)
    newer, older = pictures.neighbours(image, filters.wanted)
    boards = Board.objects.for_user(image.user).order_by("name", "id")
    context = {
        "image": image,
        "job": image.job,
        "wanted": wanted,
        "sources": uploads.sources(image.user, uploads.named(wanted)),
        "newer": newer,
        "older": older,
        "query": filters.query,
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
    """?a=ID&b=ID side by side and over each other: generation/compare.html"""
    pair = [_get_image_for_user(request, _uuid(request.GET.get(name, ""))) for name in ("a", "b")]
    return render(request, "generation/compare.html", {"pair": pair})


@require_safe
def image_file(request: HttpRequest, image_id: UUID) -> HttpResponse:
    image = _get_image_for_bearer(request, image_id, name="image_file")
    return _file(request, image, name="file")


@require_safe
def image_thumbnail(request: HttpRequest, image_id: UUID) -> HttpResponse:
    image = _get_image_for_bearer(request, image_id, name="image_thumbnail")
    return _file(request, image, name="thumbnail")


@login_required
@require_safe
def trash_thumbnail(request: HttpRequest, image_id: UUID) -> HttpResponse:
    """What a deleted picture looked like, to its owner alone."""
    images = Image.objects.for_user(user_of(request)).deleted().defer("terms")
    return _file(request, get_object_or_404(images, pk=image_id), name="thumbnail")


@login_required
@require_safe
def image_download(request: HttpRequest, image_id: UUID) -> HttpResponse:
    image = _get_image_for_user(request, image_id)
    return _file(request, image, name="file", as_attachment=True)


def page_of(request: HttpRequest) -> str:
    """The page that a form says that it was on; the gallery if it doesn't."""
    page = request.POST.get("next", "")
    own = url_has_allowed_host_and_scheme(page, allowed_hosts=None)
    return page if own else reverse("gallery")


def _page(find: Callable[..., Page], *args: Any, **kwargs: Any) -> Page:
    try:
        return find(*args, **kwargs)
    except pictures.InvalidCursor as error:
        raise Http404 from error


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError as error:
        raise Http404 from error


def _get_image_for_user(request: HttpRequest, image_id: UUID) -> Image:
    images = Image.objects.for_user(user_of(request)).kept().select_related("job").defer("terms")
    image = get_object_or_404(images, pk=image_id)
    image.user = user_of(request)
    return image


def _get_image_for_bearer(request: HttpRequest, image_id: UUID, *, name: str) -> Image:
    """The picture, for its owner or for whoever has a signed link to it."""
    signature = request.GET.get("signature", "")
    if signature and storage.is_signed(image_id, name=name, signature=signature):
        return get_object_or_404(Image.objects.kept(), pk=image_id)
    if not request.user.is_authenticated:
        raise Http404
    return get_object_or_404(Image.objects.for_user(user_of(request)).kept(), pk=image_id)


def _file(
    request: HttpRequest, image: Image, *, name: str, as_attachment: bool = False
) -> HttpResponse:
    """One of the picture's files: `file`, a PNG, or `thumbnail`, a WebP.

    It is sent whole: an asynchronous server would have to run a file's iterator in a thread.
    """
    key: str = getattr(image, name)
    suffix = PurePosixPath(key).suffix
    etag = quote_etag(f"{image.pk}-{name}")
    response = get_conditional_response(request, etag=etag)
    if response is None:
        response = HttpResponse(_read(key), content_type=CONTENT_TYPES[suffix])
        response["ETag"] = etag
        if as_attachment:
            filename = f"{image.pk}{suffix}"
            response["Content-Disposition"] = content_disposition_header(True, filename)
    response["Cache-Control"] = CACHE_CONTROL
    return response


def _read(key: str) -> bytes:
    try:
        return storage.read(key)
    except FileNotFoundError as error:
        raise Http404 from error
