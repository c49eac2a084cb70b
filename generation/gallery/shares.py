"""Share links to single images: make, find, revoke, and strip the PNG's text."""

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
# Lifetime of a page's signed link to the file.
FILE_SECONDS = 3_600
# Chunks of a PNG that can hold the prompt.
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
    """Revoke the user's link; False if the user has no such link. Safe to call twice."""
    own = Share.objects.for_user(user).filter(pk=share_id)
    own.live().update(revoked_at=timezone.now())
    return own.exists()


def find(token: str) -> Share | None:
    """The link, or None if it is revoked, its image is deleted or its owner is inactive."""
    live = Share.objects.live().select_related("image__job")
    return live.filter(token=token, image__deleted_at=None, user__is_active=True).first()


def file_url(share: Share) -> str:
    """Signed URL of the file, valid for FILE_SECONDS while the link is active."""
    signature = signing.TimestampSigner(salt=_SALT).sign(share.token).split(":", 1)[1]
    return f"{reverse('share_file', args=[share.token])}?signature={signature}"


def is_signed(token: str, *, signature: str) -> bool:
    """True for a signature of `file_url` younger than FILE_SECONDS."""
    try:
        signing.TimestampSigner(salt=_SALT).unsign(f"{token}:{signature}", max_age=FILE_SECONDS)
    except signing.BadSignature:
        return False
    return True


def without_text(png: bytes) -> bytes:
    """The PNG without TEXT_CHUNKS; pixels stay as they are."""
    chunks = (whole for kind, whole in _chunks(png) if kind not in TEXT_CHUNKS)
    return png[:_PNG_HEADER] + b"".join(chunks)


def _chunks(png: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Each chunk's kind and bytes: 4 bytes length, 4 bytes kind, content, 4 bytes checksum."""
    start = _PNG_HEADER
    while start < len(png):
        length, kind = struct.unpack_from(">I4s", png, start)
        end = start + 12 + length
        yield kind, png[start:end]
        start = end
