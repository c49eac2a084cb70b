"""Uploaded images: checked, converted in an isolated process, stored, purged.

A request names an upload by the SHA-256 of the stored PNG, so a user has each image once.
"""

import hashlib
import logging
import subprocess
import sys
from collections.abc import Sequence
from datetime import timedelta
from io import BytesIO
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from django.core.files.base import ContentFile, File
from django.core.files.storage import default_storage
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy
from PIL import Image as PillowImage

from accounts import media
from generation.engine.enums import PICTURES
from generation.images import sources
from generation.models import Image, Upload

if TYPE_CHECKING:
    from django.core.files.uploadedfile import UploadedFile
    from django.http import QueryDict
    from django.utils.datastructures import MultiValueDict

    from accounts.models import User

log = logging.getLogger(__name__)

MAX_BYTES = 20 * 2**20
SANITIZE = (sys.executable, "-m", "generation.images.sanitize")
SANITIZE_SECONDS = 30
# Uploads that no request used for so long are removed.
KEPT_FOR = timedelta(days=90)
REASONS = {
    "format": gettext_lazy("Use a PNG, JPEG, WebP, AVIF or HEIC picture."),
    "size": gettext_lazy("Use a picture of at most 16 megapixels, or a JPEG of at most 50."),
    "side": gettext_lazy("Use a picture of at most 16,384 pixels a side."),
    "damaged": gettext_lazy("This picture is damaged and cannot be read."),
    "bytes": gettext_lazy("Use a file of at most 20 MB."),
    "empty": gettext_lazy("This file is empty."),
}


class UploadRefused(Exception):
    """The file is unusable; the message says why. Nothing was stored. `code` is a key of REASONS."""

    def __init__(self, code: str) -> None:
        super().__init__(str(REASONS[code]))
        self.code = code


class NotStored(Exception):
    """The store has no room for a picture, or is away. The message is for the user; nothing was kept."""

    def __init__(self) -> None:
        super().__init__(str(gettext_lazy("The picture could not be stored. Please try again.")))


def receive(user: "User", file: "File[bytes]") -> Upload:
    """Sanitize and store an uploaded file. Raises UploadRefused or NotStored."""
    return _store(user, run_isolated(SANITIZE, content_of(file)))


def content_of(file: "File[bytes]") -> bytes:
    """Return the bytes of a nonempty file of up to MAX_BYTES. Raises UploadRefused."""
    if not file.size:
        raise UploadRefused("empty")
    if file.size > MAX_BYTES:
        raise UploadRefused("bytes")
    content: bytes = file.read()
    return content


def run_isolated(command: Sequence[str], content: bytes) -> bytes:
    """Run a program with limited time and memory on an image; return its standard output.

    Raises UploadRefused if the program refuses, crashes or times out.
    """
    try:
        done = subprocess.run(
            command, input=content, capture_output=True, timeout=SANITIZE_SECONDS, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise UploadRefused("damaged") from error
    if done.returncode == 0:
        return done.stdout
    # A process that hit its limits prints nothing.
    reason = done.stderr.decode(errors="replace")
    raise UploadRefused(reason if reason in REASONS else "damaged")


def receive_all(
    user: "User", posted: "QueryDict", files: "MultiValueDict[str, UploadedFile[Any]]"
) -> "tuple[QueryDict, dict[str, str]]":
    """Store the files of a form from a browser without scripts.

    Returns the form's data with digests in the fields, and the reason of each refusal by field.
    """
    filled, refused = posted.copy(), {}
    for field in PICTURES:
        if file := files.get(f"{field}_file"):
            try:
                filled[field] = receive(user, file).digest
            except (UploadRefused, NotStored) as refusal:
                refused[field] = str(refusal)
    return filled, refused


def from_image(user: "User", image: Image) -> Upload:
    """Copy one of the user's images to an upload, for use as an input image. Raises NotStored."""
    with default_storage.open(image.file) as file, PillowImage.open(file) as picture:
        buffer = BytesIO()
        picture.convert("RGB").save(buffer, "PNG", compress_level=1)
    return _store(user, buffer.getvalue())


def remove(uploads: Sequence[Upload]) -> None:
    """Remove the files, then the rows, so that an interrupted removal can be repeated."""
    for upload in uploads:
        default_storage.delete(upload.file)
    Upload.objects.filter(pk__in=[upload.pk for upload in uploads]).delete()


def purge() -> int:
    """Remove uploads unused for KEPT_FOR; return their number. Rechecks each under a row lock."""
    old = Upload.objects.filter(used_at__lt=timezone.now() - KEPT_FOR)
    count = 0
    for pk in list(old.values_list("pk", flat=True)):
        with transaction.atomic():
            unused = list(old.filter(pk=pk).select_for_update())
            remove(unused)
        count += len(unused)
    return count


def _store(user: "User", content: bytes) -> Upload:
    digest = hashlib.sha256(content).hexdigest()
    picture = sources.loaded(content)
    known = Upload.objects.filter(user=user, digest=digest).first()
    if known is not None:
        Upload.objects.filter(pk=known.pk).update(used_at=timezone.now())
        return known
    file = _save(user, digest, content)
    with transaction.atomic():
        upload, is_new = Upload.objects.get_or_create(
            user=user,
            digest=digest,
            defaults={
                "file": file,
                "width": picture.width,
                "height": picture.height,
                "bytes": len(content),
            },
        )
    if not is_new:
        # A concurrent request stored the same image.
        default_storage.delete(file)
    return upload


def _save(user: "User", digest: str, content: bytes) -> str:
    """Store the file; return its key. Raises NotStored."""
    # Not the digest alone: a concurrent request may store the same image, and must not lose its file.
    name = f"uploads/{user.pk}/{digest}-{uuid4().hex[:8]}.png"
    try:
        return media.save(name, ContentFile(content))
    except OSError as error:
        log.error("an upload could not be stored: %s", error)  # noqa: TRY400  # the reason is all there is
        raise NotStored from error
