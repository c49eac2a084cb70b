"""From what a wire was sent to a request: what was left out is the checkpoint's own."""

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
from generation.options.offered import offered
from generation.options.sizes import AS_PICTURE, CUSTOM

if TYPE_CHECKING:
    from accounts.models import User

NOTHING: Mapping[str, Any] = {
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
}


def build_request(key: ApiKey, **wanted: Any) -> GenerationRequest:
    """The request for what is wanted, in the words of the studio's fields.

    Pictures are named by their digests. Without a size, it is the picture's or the checkpoint's own.
    Raises InvalidRequest or Refusal.
    """
    values = {**NOTHING, **{name: value for name, value in wanted.items() if value is not None}}
    values["checkpoint"] = checkpoint_of(key, values["checkpoint"], mode=values["mode"]).id
    if values["width"] is not None or values["height"] is not None:
        values["shape"] = CUSTOM
    return request_from(values, picture=_size_of(key.user, values["image"]))


def in_parts(request: GenerationRequest, number: int) -> list[GenerationRequest]:
    """The request for so many pictures, as those that one job each can make; seeds go on from one to the next."""
    parts = []
    for begun in range(0, number, MAX_IMAGES):
        seed = (request.seed + begun) % (MAX_SEED + 1)
        count = min(MAX_IMAGES, number - begun)
        parts.append(replace(request, seed=seed, num_images=count))
    return parts


def checkpoints_of(key: ApiKey) -> list[Checkpoint]:
    """Those that the key may use here."""
    return [each for each in offered() if not key.checkpoints or each.id in key.checkpoints]


def checkpoint_of(key: ApiKey, id: str, *, mode: str = "") -> Checkpoint:
    """The checkpoint of that id; without one, the first that the key may use for the mode."""
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
    return able[0]


def known_as(key: ApiKey, name: str, *, mode: Mode, elsewhere: tuple[str, ...]) -> str:
    """The id of a checkpoint by its name on a wire.

    Without a name, or with one that begins as a model's `elsewhere`, which clients have built in, it is
    the default's. Raises Refusal for any other.
    """
    if name and name not in CHECKPOINTS and name.startswith(elsewhere):
        name = ""
    return checkpoint_of(key, name, mode=mode).id


def _size_of(user: "User", digest: str) -> tuple[int, int] | None:
    if not digest:
        return None
    own = Upload.objects.filter(user=user, digest=digest)
    return own.values_list("width", "height").first()
