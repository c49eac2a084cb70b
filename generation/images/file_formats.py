"""Generated images in the file formats that clients ask for; the AI label is kept."""

import time
from io import BytesIO

from django.conf import settings
from django.core.cache import cache
from PIL import Image as PillowImage
from PIL import ImageOps

from accounts import rate_limits
from generation.images import ai_label, storage
from generation.images.ai_label import Mark
from generation.live.messages import may_be_lost
from generation.models import Image

FORMATS = {"png": "image/png", "jpeg": "image/jpeg", "webp": "image/webp"}
DEFAULT_QUALITY = 90
# Of pictures that are made smaller to fit; the label alone takes a few kilobytes.
SMALLEST_SIDE = 64
# Smaller pictures take more bytes a pixel.
BOUNDED_MARGIN = 0.85
# A link is mostly fetched once or twice, soon after its response.
KEPT_SECONDS = 600
MOST_KEPT_BYTES = 4 * 2**20
# In each stretch of KEPT_SECONDS, of everybody together: the cache also keeps sessions and rate limits.
MOST_KEPT_IN_ALL = 128 * 2**20


def content_of(image: Image, *, format: str = "png", quality: int = DEFAULT_QUALITY) -> bytes:
    """The image's file, converted if necessary. Raises FileNotFoundError."""
    stored = storage.read(image.file)
    if format == "png":
        return stored
    with PillowImage.open(BytesIO(stored)) as picture:
        return ai_label.encoded(
            picture.convert("RGB"), format.upper(), _mark_of(image), quality=quality
        )


def bounded(image: Image, *, max_bytes: int) -> tuple[bytes, str]:
    """The image's file, or a JPEG as large as fits into `max_bytes`, and its media type.

    Raises FileNotFoundError.
    """
    stored = storage.read(image.file)
    if len(stored) <= max_bytes:
        return stored, FORMATS["png"]
    with PillowImage.open(BytesIO(stored)) as picture:
        shown = picture.convert("RGB")
    while True:
        content = ai_label.encoded(shown, "JPEG", _mark_of(image), quality=DEFAULT_QUALITY)
        if len(content) <= max_bytes or max(shown.size) <= SMALLEST_SIDE:
            return content, FORMATS["jpeg"]
        scale = BOUNDED_MARGIN * (max_bytes / len(content)) ** 0.5
        smallest = min(1.0, SMALLEST_SIDE / max(shown.size))
        shown = ImageOps.scale(shown, max(scale, smallest))


def _mark_of(image: Image) -> Mark:
    return Mark(
        tool=settings.SITE_NAME,
        system=f"Stable Diffusion ({image.checkpoint})",
        synthetic_for=image.job.synthetic_for,
    )


def kept_content_of(image: Image, *, format: str, quality: int) -> bytes:
    """Like `content_of`, but whoever has a link converts the image once, and not with every request.

    For signed links alone: they bind the quality, so that nobody fills the cache with a hundred of them.
    """
    key = f"picture.{image.pk}.{format}.{quality}"
    kept: bytes | None = None
    with may_be_lost():
        kept = cache.get(key)
    if kept is not None:
        return kept
    content = content_of(image, format=format, quality=quality)
    with may_be_lost():
        if len(content) <= MOST_KEPT_BYTES and _has_room(len(content)):
            cache.set(key, content, timeout=KEPT_SECONDS)
    return content


def _has_room(size: int) -> bool:
    """Count so many bytes; False once MOST_KEPT_IN_ALL are exceeded."""
    key = f"pictures.kept.{int(time.time()) // KEPT_SECONDS}"
    return rate_limits.count(key, seconds=2 * KEPT_SECONDS, by=size) <= MOST_KEPT_IN_ALL


def url_of(image: Image, *, format: str = "png", quality: int = DEFAULT_QUALITY) -> str:
    """The path of a signed link to the image in this format."""
    if format == "png":
        return storage.signed_url(image, name="image_file")
    return storage.signed_url(image, name=f"image_{format}", quality=quality)
