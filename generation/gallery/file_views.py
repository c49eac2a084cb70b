"""Image files: originals and thumbnails, sent to the owner or to a holder of a signed link."""

import re
from pathlib import PurePosixPath
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.cache import get_conditional_response
from django.utils.http import content_disposition_header, quote_etag
from django.views.decorators.http import require_safe

from accounts import rate_limits
from accounts.models import User
from accounts.requests import user_of
from generation.gallery.views import get_image_for_user
from generation.images import file_formats, storage
from generation.live.messages import may_be_lost
from generation.models import Image

CONTENT_TYPES = {".png": "image/png", ".webp": "image/webp"}
# From 0 to 100.
_QUALITY = re.compile(r"100|[0-9]{1,2}", re.ASCII)
# Of one user in a minute.
MOST_CONVERSIONS = 60


@require_safe
def image_file(request: HttpRequest, image_id: UUID) -> HttpResponse:
    image = _get_image_for_bearer(request, image_id, name="image_file")
    return _file(request, image, name="file")


@require_safe
def image_jpeg(request: HttpRequest, image_id: UUID) -> HttpResponse:
    return _converted(request, image_id, format="jpeg")


@require_safe
def image_webp(request: HttpRequest, image_id: UUID) -> HttpResponse:
    return _converted(request, image_id, format="webp")


@require_safe
def image_thumbnail(request: HttpRequest, image_id: UUID) -> HttpResponse:
    image = _get_image_for_bearer(request, image_id, name="image_thumbnail")
    return _file(request, image, name="thumbnail")


@login_required
@require_safe
def trash_thumbnail(request: HttpRequest, image_id: UUID) -> HttpResponse:
    """Thumbnail of a deleted image, for its owner only."""
    images = Image.objects.for_user(user_of(request)).deleted().defer("terms")
    return _file(request, get_object_or_404(images, pk=image_id), name="thumbnail")


@login_required
@require_safe
def image_download(request: HttpRequest, image_id: UUID) -> HttpResponse:
    image = get_image_for_user(request, image_id)
    return _file(request, image, name="file", as_attachment=True)


def _get_image_for_bearer(request: HttpRequest, image_id: UUID, *, name: str) -> Image:
    """The image, for its owner or for a signed link. Raises Http404."""
    return _get_image(request, image_id, is_signed=_is_signed(request, image_id, name=name))


def _get_image(request: HttpRequest, image_id: UUID, *, is_signed: bool) -> Image:
    if is_signed:
        return get_object_or_404(Image.objects.kept().select_related("job"), pk=image_id)
    if not request.user.is_authenticated:
        raise Http404
    return get_object_or_404(Image.objects.for_user(user_of(request)).kept(), pk=image_id)


def _is_signed(
    request: HttpRequest, image_id: UUID, *, name: str, quality: int | None = None
) -> bool:
    signature = request.GET.get("signature", "")
    return bool(signature) and storage.is_signed(
        image_id, name=name, signature=signature, quality=quality
    )


def _file(
    request: HttpRequest, image: Image, *, name: str, as_attachment: bool = False
) -> HttpResponse:
    """Response with the PNG (`file`) or the WebP (`thumbnail`); 304 if unchanged."""
    key: str = getattr(image, name)
    suffix = PurePosixPath(key).suffix
    etag = quote_etag(f"{image.pk}-{name}")
    response = get_conditional_response(request, etag=etag)
    if response is None:
        # Sent whole: under ASGI a file's iterator would run in a thread.
        response = HttpResponse(_read(key), content_type=CONTENT_TYPES[suffix])
        response["ETag"] = etag
        if as_attachment:
            filename = f"{image.pk}{suffix}"
            response["Content-Disposition"] = content_disposition_header(True, filename)
    response["Cache-Control"] = storage.CACHE_CONTROL
    return response


def _converted(request: HttpRequest, image_id: UUID, *, format: str) -> HttpResponse:
    """Response with the image in another format, in the quality that the query names.

    A signed link binds its quality, and its result is kept. Its owner gets the default one, at a limited rate.
    """
    text = request.GET.get("quality", str(file_formats.DEFAULT_QUALITY))
    if not _QUALITY.fullmatch(text):
        raise Http404
    quality = int(text)
    is_signed = _is_signed(request, image_id, name=f"image_{format}", quality=quality)
    image = _get_image(request, image_id, is_signed=is_signed)
    if not is_signed and quality != file_formats.DEFAULT_QUALITY:
        raise Http404
    etag = quote_etag(f"{image.pk}-{format}-{quality}")
    response = get_conditional_response(request, etag=etag)
    if response is None:
        if not is_signed and not _may_convert(user_of(request)):
            return rate_limits.too_many_requests(request)
        convert = file_formats.kept_content_of if is_signed else file_formats.content_of
        try:
            content = convert(image, format=format, quality=quality)
        except FileNotFoundError as error:
            raise Http404 from error
        response = HttpResponse(content, content_type=file_formats.FORMATS[format])
        response["ETag"] = etag
    response["Cache-Control"] = storage.CACHE_CONTROL
    return response


def _may_convert(user: User) -> bool:
    """Count a conversion; False beyond the limit of a minute."""
    count = 0
    with may_be_lost():
        count = rate_limits.count(f"converted.{user.pk}", seconds=rate_limits.MINUTE)
    return count <= MOST_CONVERSIONS


def _read(key: str) -> bytes:
    try:
        return storage.read(key)
    except FileNotFoundError as error:
        raise Http404 from error
