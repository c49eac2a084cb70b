"""Input pictures of a request: found, required and opened for the user who owns them."""

from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING

from django.core.files.storage import default_storage
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from PIL import Image as PillowImage

from generation.engine.enums import PICTURES
from generation.engine.request import GenerationRequest
from generation.models import Upload

if TYPE_CHECKING:
    from accounts.models import User

NAMES = {
    "image": gettext_lazy("Picture"),
    "mask": gettext_lazy("Mask"),
    "depth": gettext_lazy("Depth map"),
}


class MissingPicture(Exception):
    """A request names an image that its user does not have. `field` is the request's field."""

    def __init__(self, field: str) -> None:
        super().__init__(_("This picture is not here any more. Add it again."))
        self.field = field


def size_of(user: "User", digest: str) -> tuple[int, int] | None:
    """Width and height of the user's upload in pixels; None if there is no such upload."""
    own = Upload.objects.filter(user=user, digest=digest)
    return own.values_list("width", "height").first() if digest else None


def named(request: GenerationRequest) -> dict[str, str]:
    """Digests of a request's input images, by field."""
    return {field: getattr(request, field) for field in PICTURES if getattr(request, field)}


@dataclass(frozen=True)
class Source:
    """An input image of a request, for its user's eyes. `field` is the request's field."""

    field: str
    upload: Upload

    @property
    def name(self) -> str:
        return str(NAMES[self.field])

    @property
    def url(self) -> str:
        return self.upload.get_absolute_url()


def find(user: "User", named: Mapping[str, str]) -> list[Source]:
    """The user's existing uploads among the digests, given by field. At most one query."""
    if not named:
        return []
    own = {
        each.digest: each for each in Upload.objects.filter(user=user, digest__in=named.values())
    }
    return [Source(field, own[digest]) for field, digest in named.items() if digest in own]


def require(user: "User", request: GenerationRequest) -> None:
    """Check that the user has the request's input images, and renew them. Raises MissingPicture."""
    digests = named(request)
    if not digests:
        return
    own = Upload.objects.filter(user=user, digest__in=digests.values())
    found = set(own.values_list("digest", flat=True))
    for field, digest in digests.items():
        if digest not in found:
            raise MissingPicture(field)
    own.update(used_at=timezone.now())


def open_all(user_id: int, request: GenerationRequest) -> Mapping[str, PillowImage.Image]:
    """Open a request's input images, by field. Raises MissingPicture."""
    opened = {}
    for field, digest in named(request).items():
        upload = Upload.objects.filter(user=user_id, digest=digest).first()
        try:
            if upload is None:
                raise MissingPicture(field)
            with default_storage.open(upload.file) as file:
                opened[field] = loaded(file.read())
        except FileNotFoundError as error:
            raise MissingPicture(field) from error
    return opened


def loaded(content: bytes) -> PillowImage.Image:
    picture = PillowImage.open(BytesIO(content))
    picture.load()
    return picture
