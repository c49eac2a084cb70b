"""Images that a key has made, and uploads."""

from typing import Annotated, Any, Literal
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from ninja import Router, Status
from ninja.files import UploadedFile
from ninja.params import functions as P  # noqa: N812  # ninja's own short name

from generation.api import errors, files
from generation.api.native import serializers
from generation.api.native.auth import GENERATE, READ, key_of
from generation.api.native.errors import PROBLEMS
from generation.api.native.pagination import Cursor, Limit, page_of
from generation.api.native.schemas import PicturePage, Uploaded
from generation.images import file_formats
from generation.models import Image

Format = Annotated[Literal["png", "jpeg", "webp"], P.Query()]
Sent = Annotated[UploadedFile, P.File()]

router = Router(tags=["pictures"])


@router.get("/pictures", response={200: PicturePage, **PROBLEMS}, auth=READ, url_name="pictures")
def list_pictures(
    request: HttpRequest,
    cursor: Cursor = "",
    limit: Limit = 20,
) -> dict[str, Any]:
    """The pictures that the key has made, newest first."""
    mine = Image.objects.kept().for_user(key_of(request).user).filter(job__api_key=key_of(request))
    found, next_cursor = page_of(mine.defer("terms"), cursor, limit)
    return {"items": [serializers.image(image) for image in found], "next": next_cursor}


@router.get(
    "/pictures/{uuid:picture_id}/file",
    response=PROBLEMS,
    auth=READ,
    url_name="picture",
    openapi_extra={
        "responses": {
            200: {
                "description": "The picture.",
                "content": {
                    kind: {"schema": {"type": "string", "format": "binary"}}
                    for kind in file_formats.FORMATS.values()
                },
            }
        }
    },
)
def get_picture(
    request: HttpRequest,
    picture_id: UUID,
    format: Format = "png",
) -> HttpResponse:
    """A picture's file."""
    mine = Image.objects.kept().filter(job__api_key=key_of(request)).select_related("job")
    image = get_object_or_404(mine, pk=picture_id)
    try:
        content = file_formats.content_of(image, format=format)
    except FileNotFoundError as error:
        raise errors.not_found() from error
    return HttpResponse(content, content_type=file_formats.FORMATS[format])


@router.post("/uploads", response={201: Uploaded, **PROBLEMS}, auth=GENERATE, url_name="uploads")
def upload_picture(request: HttpRequest, file: Sent) -> Any:
    """Upload a picture (PNG, JPEG, WebP, AVIF or HEIC) for use in jobs, which name it by its digest."""
    content = file.read()
    if not content:
        raise errors.invalid("file", _("This file is empty."))
    return Status(201, files.receive(key_of(request), content, param="file"))
