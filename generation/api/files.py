"""Images in API requests and responses: base64, uploads, masks and file formats."""

import base64
import binascii
from io import BytesIO
from uuid import UUID

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.utils.translation import gettext as _
from PIL import Image as PillowImage
from PIL import ImageOps

from accounts.models import ApiKey
from generation.api import errors
from generation.engine.request import canvas
from generation.images import uploads
from generation.models import Image, Upload


def decoded(text: str, *, param: str) -> bytes:
    """Decode base64 or a base64 data URL. Raises ApiError."""
    _kind, comma, rest = text.partition(",")
    body = rest if comma and text.startswith("data:") else text
    try:
        return base64.b64decode("".join(body.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise errors.invalid(param, _("This is not a picture in base64.")) from error


def receive(key: ApiKey, content: bytes, *, param: str = "image") -> Upload:
    """Store an input image. Raises ApiError."""
    try:
        return uploads.receive(key.user, ContentFile(content))
    except uploads.UploadRefused as error:
        raise _with_param(error, param) from error


def receive_mask(
    key: ApiKey, content: bytes, *, from_alpha: bool = False, invert: bool = False
) -> Upload:
    """Store a mask; white areas are repainted. With `from_alpha`, transparent areas are.

    Raises ApiError.
    """
    if not (from_alpha or invert):
        return receive(key, content, param="mask")
    try:
        clean = uploads.run_isolated(uploads.SANITIZE, content)
    except uploads.UploadRefused as error:
        raise _with_param(error, "mask") from error
    with PillowImage.open(BytesIO(clean)) as picture:
        if from_alpha and "A" not in picture.getbands():
            raise errors.invalid("mask", _("This picture has no transparent part."))
        level = picture.getchannel("A") if from_alpha else canvas.levels(picture).convert("L")
        flipped = ImageOps.invert(level)
    return receive(key, _png(flipped), param="mask")


def mask_in(key: ApiKey, upload: Upload) -> Upload | None:
    """A mask of the image's transparent areas; None if it has none."""
    with default_storage.open(upload.file) as file, PillowImage.open(file) as picture:
        if "A" not in picture.getbands() or picture.getchannel("A").getextrema()[0] == 255:
            return None
        flipped = ImageOps.invert(picture.getchannel("A"))
    return receive(key, _png(flipped), param="mask")


def own_picture(key: ApiKey, id: UUID) -> Upload:
    """An image of the key's owner as an input image. Raises ApiError."""
    image = Image.objects.for_user(key.user).kept().filter(pk=id).first()
    if image is None:
        raise errors.invalid("image", _("This picture is not known."))
    return uploads.from_image(key.user, image)


def as_format(jpeg: bytes, format: str) -> bytes:
    """A JPEG preview in another format."""
    if format == "jpeg":
        return jpeg
    buffer = BytesIO()
    with PillowImage.open(BytesIO(jpeg)) as picture:
        picture.save(buffer, format.upper())
    return buffer.getvalue()


def base64_of(content: bytes) -> str:
    return base64.b64encode(content).decode()


def _png(picture: PillowImage.Image) -> bytes:
    buffer = BytesIO()
    picture.save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def _with_param(error: uploads.UploadRefused, param: str) -> errors.ApiError:
    found = errors.from_exception(error)
    return errors.ApiError(found.status, found.code, found.message, param=param)
