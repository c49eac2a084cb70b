"""Pictures that people bring along: checked, decoded in a process of their own, stored anew.

A request names them by the SHA-256 of what is stored, so the same picture is kept once a person.
"""

import hashlib
import subprocess
import sys
from collections.abc import Sequence
from datetime import timedelta
from io import BytesIO
from typing import TYPE_CHECKING, Any

from django.core.files.base import ContentFile, File
from django.core.files.storage import default_storage
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy
from PIL import Image as PillowImage

from generation.images import sources
from generation.models import Image, Upload

if TYPE_CHECKING:
    from django.core.files.uploadedfile import UploadedFile
    from django.http import QueryDict
    from django.utils.datastructures import MultiValueDict

    from accounts.models import User

MAX_BYTES = 20 * 2**20
SANITIZE = (sys.executable, "-m", "generation.images.sanitize")
SANITIZE_SECONDS = 30
# An upload that no request has used for so long is removed.
KEPT_FOR = timedelta(days=90)
REASONS = {
    "format": gettext_lazy("Use a PNG, JPEG or WebP picture."),
    "size": gettext_lazy("Use a picture of at most 16 megapixels."),
    "damaged": gettext_lazy("This picture is damaged and cannot be read."),
    "bytes": gettext_lazy("Use a file of at most 20 MB."),
    "empty": gettext_lazy("This file is empty."),
}


class UploadRefused(Exception):
    """The file cannot be used; the message says why. Nothing was stored. `code` is a key of REASONS."""

    def __init__(self, code: str) -> None:
        super().__init__(str(REASONS[code]))
        self.code = code


def receive(user: "User", file: "File[bytes]") -> Upload:
    """Store what somebody sent. Raises UploadRefused."""
    return _store(user, in_process_of_its_own(SANITIZE, content_of(file)))


def content_of(file: "File[bytes]") -> bytes:
    """Return what somebody sent, if it is not too much. Raises UploadRefused."""
    if not file.size:
        raise UploadRefused("empty")
    if file.size > MAX_BYTES:
        raise UploadRefused("bytes")
    content: bytes = file.read()
    return content


def in_process_of_its_own(command: Sequence[str], content: bytes) -> bytes:
    """Give a picture to a program that is limited in time and memory; returns what it says.

    Raises UploadRefused for what the program refuses, and for whatever ends it.
    """
    try:
        done = subprocess.run(
            command, input=content, capture_output=True, timeout=SANITIZE_SECONDS, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise UploadRefused("damaged") from error
    if done.returncode == 0:
        return done.stdout
    # A process that ran into its limits says nothing.
    reason = done.stderr.decode(errors="replace")
    raise UploadRefused(reason if reason in REASONS else "damaged")


def taken(
    user: "User", posted: "QueryDict", files: "MultiValueDict[str, UploadedFile[Any]]"
) -> "tuple[QueryDict, dict[str, str]]":
    """A form whose files, sent along by a browser without scripts, are stored and named in its fields.

    Also returns why a file was refused, by field.
    """
    filled, refused = posted.copy(), {}
    for field in sources.FIELDS:
        if file := files.get(f"{field}_file"):
            try:
                filled[field] = receive(user, file).digest
            except UploadRefused as refusal:
                refused[field] = str(refusal)
    return filled, refused


def from_image(user: "User", image: Image) -> Upload:
    """Make one of the user's own pictures one that a request can work on."""
    with default_storage.open(image.file) as file, PillowImage.open(file) as picture:
        buffer = BytesIO()
        picture.convert("RGB").save(buffer, "PNG", compress_level=1)
    return _store(user, buffer.getvalue())


def remove(uploads: Sequence[Upload]) -> None:
    """Remove the files, then the rows: whoever breaks off between them finds the rows again."""
    for upload in uploads:
        default_storage.delete(upload.file)
    Upload.objects.filter(pk__in=[upload.pk for upload in uploads]).delete()


def purge() -> int:
    """Remove uploads that nobody has used for KEPT_FOR; returns how many. One that is wanted meanwhile stays."""
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
    file = default_storage.save(f"uploads/{user.pk}/{digest}.png", ContentFile(content))
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
        # The same file was sent twice at once.
        default_storage.delete(file)
    return upload
