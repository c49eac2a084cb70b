"""Generation settings in an image's file: our own, or another program's."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from generation.engine import strict_json
from generation.engine.checkpoints.catalogue import CHECKPOINTS
from generation.engine.enums import Mode
from generation.engine.request import GenerationRequest, InvalidRequest
from generation.images import parts, programs, sources, uploads
from generation.options.build_request import values_of
from generation.options.sizes import CUSTOM

if TYPE_CHECKING:
    from django.core.files.base import File

    from accounts.models import User

READ = ("request", *programs.READ)
# Sentences about what a file says and no request can have, by the names of `FoundSettings.left_out`.
LEFT_OUT = {
    "checkpoint": gettext_lazy("The model %(value)s is not available here."),
    "noise_scheduler": gettext_lazy("The sampler %(value)s is not available here."),
    "sigma_schedule": gettext_lazy("The schedule %(value)s is not available here."),
    "loras": gettext_lazy("Not applied, as LoRAs are not available here: %(value)s."),
    "seed": gettext_lazy("The seed %(value)s is out of range. A new one is drawn."),
    "num_inference_steps": gettext_lazy("The number of steps, %(value)s, is out of range."),
    "guidance_scale": gettext_lazy("The guidance %(value)s is out of range."),
    "strength": gettext_lazy("The strength %(value)s is out of range."),
    "width": gettext_lazy("The size %(value)s is out of range."),
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


def _from_request(user: "User", text: str) -> Recalled | None:
    """Settings of an image made here; None for others."""
    try:
        request = GenerationRequest.from_dict(strict_json.loads(text))
    except (ValueError, TypeError, AttributeError, InvalidRequest):
        return None
    picture = sources.size_of(user, request.image)
    return Recalled(values=values_of(request, seed=request.seed, picture=picture), left_out={})


def _from_program(texts: dict[str, str]) -> Recalled | None:
    found = programs.settings_in(texts)
    if found is None:
        return None
    values: dict[str, Any] = dict(found.values)
    left_out = dict(found.left_out)
    if named := values.pop("checkpoint", None):
        if id := _id_of(str(named)):
            values["checkpoint"] = id
        else:
            left_out["checkpoint"] = str(named)
    if "width" in values:
        values["shape"] = CUSTOM
    values |= {"mode": Mode.TEXT_TO_IMAGE.value, "keep_seed": "seed" in values}
    return Recalled(values=values, left_out=_sentences(left_out))


def _id_of(name: str) -> str | None:
    """The checkpoint whose id or name this is, in upper or lower case."""
    known = {each.casefold(): id for id, one in CHECKPOINTS.items() for each in (one.name, id)}
    return known.get(name.casefold())


def _sentences(left_out: dict[str, str]) -> dict[str, str]:
    return {
        name: str(LEFT_OUT.get(name, OTHERS_LEFT_OUT)) % {"value": value}
        for name, value in left_out.items()
    }
