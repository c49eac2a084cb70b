"""Generation settings in a PNG's text chunks: our own, or AUTOMATIC1111's infotext."""

import struct
from typing import IO, TYPE_CHECKING, Any, cast

from django.utils.translation import gettext as _
from PIL import Image as PillowImage
from PIL import UnidentifiedImageError

from generation.engine import strict_json
from generation.engine.checkpoints.catalogue import CHECKPOINTS
from generation.engine.enums import Mode
from generation.engine.request import GenerationRequest, InvalidRequest, infotext
from generation.images import sources
from generation.options.build_request import values_of
from generation.options.sizes import CUSTOM

if TYPE_CHECKING:
    from django.core.files.base import File

    from accounts.models import User

# Pillow warns of more, and raises an error at twice as many.
MAX_PIXELS = 89_478_485
# A PNG's signature, its first chunk's length and name, then width and height.
_START = struct.Struct(">8s8xII")
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_READ = ("request", "parameters")
_UNREADABLE = (
    PillowImage.DecompressionBombError,
    UnidentifiedImageError,
    OSError,
    SyntaxError,
    ValueError,
)


class NothingToRead(Exception):
    """The file has no settings or is no PNG; the message says which."""


def read_picture(user: "User", file: "File[bytes]") -> dict[str, Any]:
    """Form values of the studio from a PNG of ours or of another program.

    Reads text chunks only and decodes no pixels. Raises NothingToRead.
    """
    texts = texts_in(file)
    values = _from_request(user, texts.get("request", "")) or _from_infotext(
        texts.get("parameters", "")
    )
    if not values:
        raise NothingToRead(_("This picture does not say how it was made."))
    return values


def texts_in(file: "File[bytes]") -> dict[str, str]:
    """The PNG's text chunks `request` and `parameters`, without NULs. Raises NothingToRead."""
    _require_sensible_size(file)
    try:
        with PillowImage.open(cast("IO[bytes]", file), formats=("PNG",)) as picture:
            texts = {name: str(text) for name, text in picture.info.items() if name in _READ}
    except _UNREADABLE as error:
        raise NothingToRead(_("This is not a PNG picture.")) from error
    return {name: text.replace("\0", "") for name, text in texts.items()}


def _require_sensible_size(file: "File[bytes]") -> None:
    """Refuse sizes that Pillow warns of. Raises NothingToRead; rewinds the file."""
    file.seek(0)
    start = file.read(_START.size)
    file.seek(0)
    if len(start) == _START.size:
        signature, width, height = _START.unpack(start)
        if signature == _SIGNATURE and width * height > MAX_PIXELS:
            raise NothingToRead(_("This picture is too large."))


def _from_request(user: "User", text: str) -> dict[str, Any]:
    """Form values of an image made here; empty for others."""
    try:
        request = GenerationRequest.from_dict(strict_json.loads(text))
    except (ValueError, TypeError, AttributeError, InvalidRequest):
        return {}
    picture = sources.size_of(user, request.image)
    return values_of(request, seed=request.seed, picture=picture)


def _from_infotext(text: str) -> dict[str, Any]:
    found: dict[str, Any] = infotext.read(text)
    if not found:
        return {}
    if found.get("checkpoint") not in CHECKPOINTS:
        found.pop("checkpoint", None)
    if "width" in found:
        found["shape"] = CUSTOM
    return {**found, "mode": Mode.TEXT_TO_IMAGE.value, "keep_seed": "seed" in found}
