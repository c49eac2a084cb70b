"""Builds a GenerationRequest from API input; missing fields default to the checkpoint's."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from accounts.models import ApiKey
from generation.api import errors
from generation.engine.checkpoints.catalogue import CHECKPOINTS, Checkpoint
from generation.engine.enums import Mode
from generation.engine.request import MAX_IMAGES, MAX_SEED, GenerationRequest
from generation.models import Upload
from generation.options.build_request import request_from
from generation.options.offered import preferred
from generation.options.sizes import AS_PICTURE, CUSTOM

if TYPE_CHECKING:
    from accounts.models import User

DEFAULTS: Mapping[str, Any] = {
    "prompt": "",
    "negative_prompt": "",
    "checkpoint": "",
    "mode": "",
    "shape": AS_PICTURE,
    "width": None,
    "height": None,
    "num_inference_steps": None,
    "guidance_scale": None,
    "noise_scheduler": "",
    "sigma_schedule": "",
    "seed": None,
    "num_images": None,
    "strength": None,
    "left": None,
    "top": None,
    "right": None,
    "bottom": None,
    "noise_level": None,
    "refine": False,
    "image": "",
    "mask": "",
    "depth": "",
    "clip_skip": None,
    "eta": None,
    "subseed": None,
    "subseed_strength": None,
    "mask_blur": None,
    "mask_fill": "",
    "only_masked": False,
    "mask_padding": None,
}


# Settings that only a mask gives a meaning, by their values without an effect.
_MASKING: Mapping[str, Any] = {
    "mask_blur": GenerationRequest.mask_blur,
    "mask_fill": GenerationRequest.mask_fill,
    "only_masked": GenerationRequest.only_masked,
}


def require_mask_for(fields: Mapping[str, Any], mode: Mode) -> None:
    """Refuse a mask's settings in a mode without one: they would be dropped. Raises ApiError."""
    if "mask" in mode.uses:
        return
    for name, neutral in _MASKING.items():
        if fields.get(name) not in (None, "", neutral):
            raise errors.invalid(
                name, _("This needs a mask, which only the mode “inpaint” takes. Leave it out.")
            )


def build_request(key: ApiKey, **fields: Any) -> GenerationRequest:
    """The request for the fields, which are named as in the studio; None counts as missing.

    Images are named by their digests. The size defaults to the image's or the checkpoint's.
    Raises InvalidRequest or ApiError.
    """
    values = {**DEFAULTS, **{name: value for name, value in fields.items() if value is not None}}
    size = (values["width"], values["height"])
    values["checkpoint"] = checkpoint_of(
        key, values["checkpoint"], mode=values["mode"], size=size
    ).id
    if values["width"] is not None or values["height"] is not None:
        values["shape"] = CUSTOM
    return request_from(values, picture=_size_of(key.user, values["image"]))


def in_parts(request: GenerationRequest, number: int) -> list[GenerationRequest]:
    """Split a request for `number` images into one for each job; the seeds, or subseeds, are consecutive."""
    varied = "subseed" if request.subseed_strength else "seed"
    parts = []
    for begun in range(0, number, MAX_IMAGES):
        own: dict[str, Any] = {varied: (getattr(request, varied) + begun) % (MAX_SEED + 1)}
        count = min(MAX_IMAGES, number - begun)
        parts.append(replace(request, **own, num_images=count))
    return parts


def checkpoints_of(key: ApiKey) -> list[Checkpoint]:
    """The offered checkpoints that the key may use, its default first."""
    found = preferred(key.default_checkpoint)
    return [each for each in found if not key.checkpoints or each.id in key.checkpoints]


def checkpoint_of(
    key: ApiKey, id: str, *, mode: str = "", size: tuple[int | None, int | None] = (None, None)
) -> Checkpoint:
    """The checkpoint with this id, or without one the first that can do the mode and the size.

    If none can do the size, it is the first that can do the mode. Raises ApiError.
    """
    if id:
        if id not in CHECKPOINTS:
            raise errors.ApiError(
                422,
                "checkpoint_unknown",
                _("There is no checkpoint called “%(id)s”.") % {"id": id[:100]},
                param="checkpoint",
            )
        return CHECKPOINTS[id]
    allowed = checkpoints_of(key)
    able = [each for each in allowed if not mode or mode in each.modes]
    if not able:
        raise errors.ApiError(
            422,
            "checkpoint_unavailable",
            _("No checkpoint that this key may use can do this."),
            param="checkpoint",
        )
    return next((each for each in able if _can_make(each, size, key.max_pixels)), able[0])


def known_as(
    key: ApiKey,
    name: str,
    *,
    mode: Mode,
    foreign: tuple[str, ...],
    size: tuple[int | None, int | None] = (None, None),
) -> str:
    """The id of the checkpoint that a client names; without a name, the default's.

    A name with a `foreign` prefix also means the default: some clients always send the model names of
    another service. Raises ApiError for any other unknown name.
    """
    if name and name not in CHECKPOINTS and name.startswith(foreign):
        name = ""
    return checkpoint_of(key, name, mode=mode, size=size).id


def _can_make(
    checkpoint: Checkpoint, size: tuple[int | None, int | None], max_pixels: int | None
) -> bool:
    """True if the checkpoint takes the size, and the size is within `max_pixels`; None is the native side."""
    width, height = (checkpoint.native_size if side is None else side for side in size)
    fits = all(side == checkpoint.nearest_side(side) for side in (width, height))
    return fits and (max_pixels is None or width * height <= max_pixels)


def _size_of(user: "User", digest: str) -> tuple[int, int] | None:
    if not digest:
        return None
    own = Upload.objects.filter(user=user, digest=digest)
    return own.values_list("width", "height").first()
