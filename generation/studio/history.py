"""What a person did before, to do it again: settings inside a picture, under a name, past prompts."""

import json
from collections.abc import Mapping
from typing import IO, TYPE_CHECKING, Any, cast

from django.utils.translation import gettext as _
from PIL import Image as PillowImage
from PIL import UnidentifiedImageError

from generation.engine.checkpoints.catalogue import CHECKPOINTS
from generation.engine.request import GenerationRequest, InvalidRequest, infotext
from generation.images import uploads
from generation.models import Job, StudioPreset
from generation.options.build_request import values_of
from generation.options.sizes import CUSTOM

if TYPE_CHECKING:
    from django.core.files.base import File

    from accounts.models import User

MAX_PRESETS = 100
MAX_NAME_LENGTH = 60
# How far back past prompts are looked for, and how many different ones are shown.
RECENT_JOBS = 200
RECENT_PROMPTS = 40
# What belongs to one picture and not to a way of making them.
_NOT_KEPT = {"seed", "keep_seed", "image", "mask", "depth"}


class NothingToRead(Exception):
    """The file is no picture with settings in it; the message says so."""


class TooManyPresets(Exception):
    """The user keeps as many settings as one may."""

    def __init__(self) -> None:
        super().__init__(
            _("You keep %(limit)d presets already. Delete one first.") % {"limit": MAX_PRESETS}
        )


def read_picture(user: "User", file: "File[bytes]") -> dict[str, Any]:
    """The studio's values that a picture says it was made from, ours or another program's.

    Only the file's texts are read, no pixel is decoded. Raises NothingToRead.
    """
    texts = texts_in(file)
    values = _from_request(user, texts.get("request", "")) or _from_infotext(
        texts.get("parameters", "")
    )
    if not values:
        raise NothingToRead(_("This picture does not say how it was made."))
    return values


def keep_preset(user: "User", name: str, values: Mapping[str, Any]) -> StudioPreset:
    """Keep settings under a name, in place of what had it before. Raises TooManyPresets."""
    kept = {key: value for key, value in values.items() if key not in _NOT_KEPT}
    others = StudioPreset.objects.filter(user=user).exclude(name=name)
    if others.count() >= MAX_PRESETS:
        raise TooManyPresets
    preset, _is_new = StudioPreset.objects.update_or_create(
        user=user, name=name, defaults={"values": kept}
    )
    return preset


def prompts(user: "User") -> list[str]:
    """The prompts that the user asked with lately, each once, the latest first."""
    recent = Job.objects.for_user(user).order_by("-created_at", "-id")
    asked = recent.values_list("request__prompt", flat=True)[:RECENT_JOBS]
    return [prompt for prompt in dict.fromkeys(asked) if prompt][:RECENT_PROMPTS]


def texts_in(file: "File[bytes]") -> dict[str, str]:
    """The texts that a PNG has beside its pixels; Raises NothingToRead."""
    file.seek(0)
    try:
        with PillowImage.open(cast("IO[bytes]", file), formats=("PNG",)) as picture:
            return {name: str(text) for name, text in picture.info.items() if name in _READ}
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError) as error:
        raise NothingToRead(_("This is not a PNG picture.")) from error


_READ = ("request", "parameters")


def _from_request(user: "User", text: str) -> dict[str, Any]:
    """Of a picture that was made here; empty if it was not."""
    try:
        request = GenerationRequest.from_dict(json.loads(text))
    except (ValueError, TypeError, AttributeError, InvalidRequest):
        return {}
    picture = uploads.size_of(user, request.image)
    return values_of(request, seed=request.seed, picture=picture)


def _from_infotext(text: str) -> dict[str, Any]:
    found: dict[str, Any] = infotext.read(text)
    if not found:
        return {}
    if found.get("checkpoint") not in CHECKPOINTS:
        found.pop("checkpoint", None)
    if "width" in found:
        found["shape"] = CUSTOM
    return {**found, "mode": "text_to_image", "keep_seed": "seed" in found}
