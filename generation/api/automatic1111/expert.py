"""Expert settings of txt2img and img2img: clip skip, eta, variation seeds and masks, under the web UI's names."""

import re
import secrets
from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from accounts.models import ApiKey
from generation.api import errors, parsing
from generation.engine.enums import WITH_ETA, MaskFill
from generation.engine.request import MAX_SEED
from generation.options.sizes import Size

CLIP_SKIP_OPTION = "CLIP_stop_at_last_layers"
# The web UI's own values, for clients that leave them out.
MASK_BLUR = 4
MASK_FILL = 0
MASK_PADDING = 0
_AND = re.compile(r"\bAND\b")
# In a negative prompt, the web UI takes it for a word.
_PROMPTS = ("prompt", "hr_prompt")


def require_plain_prompts(body: Mapping[str, Any]) -> None:
    """Refuse prompts that are joined by AND. Raises ApiError."""
    for name in _PROMPTS:
        if _AND.search(parsing.text(body, name)):
            raise errors.invalid(
                name, _("Prompts can't be joined with AND here. Write it small to mean the word.")
            )


def require_plain_resizing(body: Mapping[str, Any], *, given: Size, asked: Size) -> None:
    """Refuse `resize_mode`s that would crop or fill: pictures are stretched here. Raises ApiError."""
    mode = _whole(body, "resize_mode", default=0)
    is_alike = given[0] * asked[1] == given[1] * asked[0]
    if not (mode == 0 or (mode in (1, 2) and is_alike)):
        raise errors.invalid(
            "resize_mode", _("This site has no “%(name)s”.") % {"name": f"resize_mode {mode}"}
        )


def noise_settings(key: ApiKey, body: Mapping[str, Any], sampler: str) -> dict[str, Any]:
    """Clip skip, eta and variation of seeds, by the names of a request's fields. Raises ApiError."""
    strength = parsing.number(body, "subseed_strength") or 0.0
    subseed = parsing.integer(body, "subseed")
    if strength and (subseed is None or subseed < 0):
        subseed = secrets.randbelow(MAX_SEED + 1)
    return {
        "clip_skip": _clip_skip(key, body),
        "eta": eta(body, sampler),
        "subseed": subseed if strength else 0,
        "subseed_strength": strength,
    }


def mask_settings(body: Mapping[str, Any]) -> dict[str, Any]:
    """The mask's blur, its fill and its area, by the names of a request's fields. Raises ApiError."""
    fills = tuple(MaskFill)
    fill = _whole(body, "inpainting_fill", default=MASK_FILL)
    if not 0 <= fill < len(fills):
        raise errors.invalid(
            "inpainting_fill",
            _("Choose a number from %(low)g to %(high).10g.") % {"low": 0, "high": len(fills) - 1},
        )
    return {
        "mask_blur": _mask_blur(body),
        "mask_fill": fills[fill].value,
        "only_masked": body.get("inpaint_full_res") not in (False, 0, "false", "False", "0"),
        "mask_padding": _whole(body, "inpaint_full_res_padding", default=MASK_PADDING),
    }


def _clip_skip(key: ApiKey, body: Mapping[str, Any]) -> int:
    """The layer of the request, else of the key's stored options; 1 is the last."""
    stored = key.options
    for fields, name in (
        (_override(body), CLIP_SKIP_OPTION),
        (body, "clip_skip"),
        (stored, CLIP_SKIP_OPTION),
    ):
        found = parsing.integer(fields, name)
        if found is not None:
            return found
    return 1


def eta(body: Mapping[str, Any], sampler: str) -> float | None:
    """The eta; None where it is the sampler's own, or where the web UI has no use for it, either."""
    found = parsing.number(body, "eta")
    if sampler in WITH_ETA:
        return found
    draws_noise = "ancestral" in sampler or "sde" in sampler
    return found if draws_noise and found != 1 else None


def _mask_blur(body: Mapping[str, Any]) -> int:
    # Clients send both, with 4 for the directions: as in the web UI, this one counts.
    if (both := parsing.integer(body, "mask_blur")) is not None:
        return both
    across, down = (
        _whole(body, name, default=MASK_BLUR) for name in ("mask_blur_x", "mask_blur_y")
    )
    if across != down:
        raise errors.invalid("mask_blur_y", _("Masks are blurred alike in both directions here."))
    return across


def _whole(body: Mapping[str, Any], name: str, *, default: int) -> int:
    found = parsing.integer(body, name)
    return default if found is None else found


def _override(body: Mapping[str, Any]) -> Mapping[str, Any]:
    override = body.get("override_settings")
    return override if isinstance(override, dict) else {}
