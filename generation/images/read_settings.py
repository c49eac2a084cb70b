"""Generation settings in an image's file: our own, or another program's."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from generation.engine import strict_json
from generation.engine.enums import Mode
from generation.engine.request import GenerationRequest, InvalidRequest
from generation.images import parts, programs, sources, uploads, usable_settings
from generation.images.parts.bounds import SETTINGS_KEYWORDS
from generation.options.build_request import values_of
from generation.options.sizes import ASPECTS, CUSTOM

if TYPE_CHECKING:
    from django.core.files.base import File

    from accounts.models import User
    from generation.images.programs.found_settings import FoundSettings

READ = ("request", *SETTINGS_KEYWORDS)
# Sentences about what a file says and no request can have, by the names of `FoundSettings.left_out`.
LEFT_OUT = {
    "checkpoint": gettext_lazy("The model %(value)s is not available here."),
    "noise_scheduler": gettext_lazy("The sampler %(value)s is not available here."),
    "sigma_schedule": gettext_lazy("The schedule %(value)s is not available here."),
    "loras": gettext_lazy("Not applied, as LoRAs are not available here: %(value)s."),
    "extras": gettext_lazy("Not available here, so not applied: %(value)s."),
    "seed": gettext_lazy("The seed %(value)s is out of range. A new one is drawn."),
    "num_inference_steps": gettext_lazy("The number of steps, %(value)s, is out of range."),
    "guidance_scale": gettext_lazy("The guidance %(value)s is out of range."),
    "strength": gettext_lazy("The strength %(value)s is out of range."),
    "width": gettext_lazy("The size %(value)s is out of range."),
    "prompt": gettext_lazy("The prompt is not filled in. %(value)s"),
    "negative_prompt": gettext_lazy("The negative prompt is not filled in. %(value)s"),
    "clip_skip": gettext_lazy("This model takes no clip skip of %(value)s."),
    "origin": gettext_lazy(
        "It was continued from step %(value)s of another picture. These settings start a new picture from scratch."
    ),
    "eta": gettext_lazy("This sampler takes no eta of %(value)s."),
}
OTHERS_LEFT_OUT = gettext_lazy("The value %(value)s is out of range.")


class NothingToRead(Exception):
    """The file has no settings or is no image; the message says which."""


@dataclass(frozen=True, kw_only=True)
class Recalled:
    """Form values of the studio, and a sentence for each setting that is left out, by its field."""

    values: dict[str, Any]
    left_out: dict[str, str]


def read_picture(user: "User", file: "File[bytes]") -> Recalled:
    """Form values of the studio from an image of ours or of another program.

    Reads the file's texts and decodes no pixels. Raises NothingToRead.
    """
    texts = texts_in(file)
    found = _from_request(user, texts.get("request", "")) or _from_program(texts)
    if not found:
        raise NothingToRead(_("This picture does not say how it was made."))
    return found


def texts_in(file: "File[bytes]") -> dict[str, str]:
    """The file's texts that may have settings, by keyword, without NULs. Raises NothingToRead."""
    file.seek(0)
    try:
        found = parts.of(file.read())
    except parts.UnknownFormat as error:
        raise NothingToRead(str(uploads.REASONS["format"])) from error
    except parts.Damaged as error:
        raise NothingToRead(str(uploads.REASONS["damaged"])) from error
    return {name: text.replace("\0", "") for name, text in found.texts.items() if name in READ}


def found_in(texts: dict[str, str]) -> "FoundSettings | None":
    """The settings in a file's texts that a request may have; None if they have none."""
    found = programs.settings_in(texts)
    if found:
        usable_settings.leave_out_unusable(found)
    return found


def _from_request(user: "User", text: str) -> Recalled | None:
    """Settings of an image made here; None for others."""
    try:
        request = GenerationRequest.from_dict(strict_json.loads(text))
    except (ValueError, TypeError, AttributeError, InvalidRequest):
        return None
    picture = sources.size_of(user, request.image)
    left_out = {"origin": str(request.origin_step)} if request.origin else {}
    return Recalled(
        values=values_of(request, seed=request.seed, picture=picture), left_out=_sentences(left_out)
    )


def _from_program(texts: dict[str, str]) -> Recalled | None:
    found = found_in(texts)
    if found is None:
        return None
    values: dict[str, Any] = dict(found.values)
    left_out = dict(found.left_out)
    if named := values.pop("checkpoint", None):
        if id := usable_settings.id_of(str(named)):
            values["checkpoint"] = id
        else:
            left_out["checkpoint"] = str(named)
    if "width" in values:
        values["shape"] = CUSTOM
    elif "width" in left_out:
        # No half of the size that was there before.
        values |= {"shape": next(iter(ASPECTS)), "width": None, "height": None}
    values |= {"mode": Mode.TEXT_TO_IMAGE.value, "keep_seed": "seed" in values}
    return Recalled(values=values, left_out=_sentences(left_out))


def _sentences(left_out: dict[str, str]) -> dict[str, str]:
    return {
        name: str(LEFT_OUT.get(name, OTHERS_LEFT_OUT)) % {"value": value}
        for name, value in left_out.items()
    }
