"""Image files: their names, the parameters inside them, and signed links that expire."""

import hashlib
import json
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.conf import settings
from django.core import signing
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.urls import reverse
from PIL import Image as PillowImage

from accounts import media
from generation.engine.request import GenerationRequest, infotext
from generation.images import ai_label, c2pa
from generation.images.ai_label import Mark

if TYPE_CHECKING:
    from generation.models import Image, Job

log = logging.getLogger(__name__)

THUMBNAIL_SIDE = 384
SIGNATURE_SECONDS = 3_600
# An image never changes, and shared caches must not keep it.
CACHE_CONTROL = "private, max-age=31536000, immutable"
_SALT = "generation.storage"


class StorageRefused(Exception):
    """The store refused a file. All files of the attempt were deleted again."""


@dataclass(frozen=True, kw_only=True)
class StoredPicture:
    """An image with stored files but no row yet."""

    index: int
    seed: int
    width: int
    height: int
    file: str
    thumbnail: str
    bytes: int
    digest: str = ""


def save(
    job: "Job", pictures: Sequence[PillowImage.Image], *, seeds: tuple[int, ...]
) -> list[StoredPicture]:
    """Store the images of the job's current attempt. Raises StorageRefused after cleaning up."""
    try:
        return [
            _save_one(job, picture, index=index, seed=seed)
            for index, (picture, seed) in enumerate(zip(pictures, seeds, strict=True))
        ]
    except OSError as error:
        discard(job)
        raise StorageRefused(str(error)) from error


def discard(job: "Job") -> None:
    """Delete the files of the job's current attempt, except files that have rows."""
    kept = {*job.images.values_list("file", flat=True)}
    kept |= {*job.kept_states.values_list("file", flat=True)}
    request = job.generation_request
    for index in range(request.num_images):
        drafted = _draft_names(job, index=index) if request.draft_steps else ()
        for names in (_names(job, index=index), drafted):
            if kept.isdisjoint(names):
                _delete(names)


def save_draft(
    job: "Job", state: bytes, preview: PillowImage.Image, *, index: int
) -> tuple[str, str]:
    """Store a draft's state and preview; return their keys. Raises OSError."""
    file, shown = _draft_names(job, index=index)
    small = _thumbnail(preview, _mark(job))
    return (
        media.save(file, ContentFile(state)),
        media.save(shown, ContentFile(small)),
    )


def state_name(job: "Job", *, index: int, step: int) -> str:
    """The storage key for a state of the job's current attempt."""
    return f"states/{job.created_at:%Y/%m/%d}/{job.pk}-{job.attempt}-{index}-{step}.state"


def read(key: str) -> bytes:
    """Raises FileNotFoundError."""
    with default_storage.open(key) as file:
        content: bytes = file.read()
    return content


def remove(image: "Image") -> None:
    """Delete an image's files. Safe to call twice."""
    for name in (image.file, image.thumbnail):
        default_storage.delete(name)


def signed_url(image: "Image", *, name: str, quality: int | None = None) -> str:
    """A link to an image's file, valid without a session for SIGNATURE_SECONDS.

    `name` is the URL's name: image_file, image_thumbnail, or image_jpeg and image_webp with a `quality`.
    """
    signed = f"{_what(name, quality)}:{image.pk}"
    signature = signing.TimestampSigner(salt=_SALT).sign(signed).split(":", 2)[2]
    query = (
        f"signature={signature}" if quality is None else f"quality={quality}&signature={signature}"
    )
    return f"{reverse(name, args=[image.pk])}?{query}"


def is_signed(image_id: object, *, name: str, signature: str, quality: int | None = None) -> bool:
    """True for a signature of `signed_url` younger than SIGNATURE_SECONDS."""
    try:
        signing.TimestampSigner(salt=_SALT).unsign(
            f"{_what(name, quality)}:{image_id}:{signature}", max_age=SIGNATURE_SECONDS
        )
    except signing.BadSignature:
        return False
    return True


def _what(name: str, quality: int | None) -> str:
    return name if quality is None else f"{name}-{quality}"


def _delete(names: Iterable[str]) -> None:
    for name in names:
        try:
            default_storage.delete(name)
        except OSError as error:
            # An orphaned file only wastes space.
            log.warning("%s is left behind: %s", name, error)


def _names(job: "Job", *, index: int) -> tuple[str, str]:
    """Storage keys of image and thumbnail; predictable, so that a lost attempt can be cleaned up."""
    stem = f"images/{job.created_at:%Y/%m/%d}/{job.pk}-{job.attempt}-{index}"
    return f"{stem}.png", f"{stem}.webp"


def _draft_names(job: "Job", *, index: int) -> tuple[str, str]:
    file = state_name(job, index=index, step=job.generation_request.draft_steps)
    return file, file.removesuffix(".state") + ".webp"


def _mark(job: "Job") -> Mark:
    return Mark(
        tool=settings.SITE_NAME,
        system=f"Stable Diffusion ({job.checkpoint})",
        synthetic_for=job.synthetic_for,
    )


def _save_one(job: "Job", picture: PillowImage.Image, *, index: int, seed: int) -> StoredPicture:
    request = job.generation_request
    mark = _mark(job)
    texts = _parameters(request.alone(index), seed=seed)
    png = c2pa.signed(ai_label.encoded(picture, "PNG", mark, texts=texts), title=mark.document)
    file, thumbnail = _names(job, index=index)
    return StoredPicture(
        index=index,
        seed=seed,
        width=picture.width,
        height=picture.height,
        file=default_storage.save(file, ContentFile(png)),
        thumbnail=default_storage.save(thumbnail, ContentFile(_thumbnail(picture, mark))),
        bytes=len(png),
        digest=hashlib.sha256(png).hexdigest(),
    )


def _parameters(request: GenerationRequest, *, seed: int) -> dict[str, str]:
    """PNG texts: AUTOMATIC1111's infotext and our own request as JSON."""
    return {
        "parameters": infotext.write(request, seed=seed),
        "request": json.dumps({**request.to_dict(), "seed": seed}),
    }


def _thumbnail(picture: PillowImage.Image, mark: Mark) -> bytes:
    small = picture.copy()
    small.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE), PillowImage.Resampling.LANCZOS)
    return ai_label.encoded(small, "WEBP", mark, quality=82, method=4)
