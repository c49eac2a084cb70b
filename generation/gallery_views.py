"""Pictures, to their owner alone: another's id is 404, exactly as one that never was."""

from pathlib import PurePosixPath
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.core.files.storage import default_storage
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.cache import get_conditional_response
from django.utils.http import content_disposition_header, quote_etag
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from accounts.guards import user_of
from generation import gallery as pictures
from generation import storage
from generation.models import Image

# A picture never changes, and no cache that others share may keep it.
CACHE_CONTROL = "private, max-age=31536000, immutable"
# What a script sends along that wants a part of a page.
FRAGMENT = "X-Fragment"
CONTENT_TYPES = {".png": "image/png", ".webp": "image/webp"}


@login_required
@require_safe
@never_cache
def gallery(request: HttpRequest) -> HttpResponse:
    """The newest pictures, or with ?before=CURSOR the next page; to a script only the page itself."""
    try:
        page = pictures.page(user_of(request), before=request.GET.get("before", ""))
    except pictures.InvalidCursor as error:
        raise Http404 from error
    template = (
        "generation/_pictures.html" if FRAGMENT in request.headers else "generation/gallery.html"
    )
    return render(request, template, {"page": page})


@login_required
@require_safe
@never_cache
def image(request: HttpRequest, image_id: UUID) -> HttpResponse:
    image = _get_image_for_user(request, image_id)
    context = {"image": image, "job": image.job, "wanted": image.job.generation_request}
    return render(request, "generation/image.html", context)


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
def image_download(request: HttpRequest, image_id: UUID) -> HttpResponse:
    image = _get_image_for_user(request, image_id)
    return _file(request, image, name="file", as_attachment=True)


def _get_image_for_user(request: HttpRequest, image_id: UUID) -> Image:
    images = Image.objects.for_user(user_of(request)).kept().select_related("job")
    return get_object_or_404(images, pk=image_id)


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
        with default_storage.open(key) as file:
            content: bytes = file.read()
    except FileNotFoundError as error:
        raise Http404 from error
    return content
