"""Links that show one picture to whoever has them: make, find, revoke; and the file without its text."""

import secrets
import struct
from collections.abc import Iterator
from typing import TYPE_CHECKING

from django.core import signing
from django.urls import reverse
from django.utils import timezone

from generation.models import Image, Share

if TYPE_CHECKING:
    from accounts.models import User

TOKEN_BYTES = 24
# How long a page that was opened can still load its picture.
FILE_SECONDS = 3_600
# Where a PNG keeps what it was made from.
TEXT_CHUNKS = {b"tEXt", b"zTXt", b"iTXt", b"eXIf"}
_SALT = "generation.shares"
_PNG_HEADER = 8


def make(image: Image, *, shows_prompt: bool) -> Share:
    return Share.objects.create(
        user=image.user,
        image=image,
        token=secrets.token_urlsafe(TOKEN_BYTES),
        shows_prompt=shows_prompt,
    )


def revoke(user: "User", share_id: int) -> bool:
    """Whether the user has such a link. Safe to call twice."""
    mine = Share.objects.for_user(user).filter(pk=share_id)
    mine.live().update(revoked_at=timezone.now())
    return mine.exists()


def find(token: str) -> Share | None:
    """The link, as long as it is not revoked, its picture is kept and its owner has an account."""
    live = Share.objects.live().select_related("image__job")
    return live.filter(token=token, image__deleted_at=None, user__is_active=True).first()


def file_url(share: Share) -> str:
    """Where the picture's file is, for FILE_SECONDS and as long as the link lives."""
    signature = signing.TimestampSigner(salt=_SALT).sign(share.token).split(":", 1)[1]
    return f"{reverse('share_file', args=[share.token])}?signature={signature}"


def is_signed(token: str, *, signature: str) -> bool:
    """Whether `file_url` made this address, not too long ago."""
    try:
        signing.TimestampSigner(salt=_SALT).unsign(f"{token}:{signature}", max_age=FILE_SECONDS)
    except signing.BadSignature:
        return False
    return True


def without_text(png: bytes) -> bytes:
    """The same picture without what it says about how it was made."""
    chunks = (whole for kind, whole in _chunks(png) if kind not in TEXT_CHUNKS)
    return png[:_PNG_HEADER] + b"".join(chunks)


def _chunks(png: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Each chunk's kind, and all of it: 4 bytes length, 4 bytes kind, the content, 4 bytes checksum."""
    start = _PNG_HEADER
    while start < len(png):
        length, kind = struct.unpack_from(">I4s", png, start)
        end = start + 12 + length
        yield kind, png[start:end]
        start = end
