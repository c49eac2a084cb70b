"""Conversion of the studio's form values to a GenerationRequest and back.

Empty values become the checkpoint's defaults.
"""

import secrets
from collections.abc import Mapping
from typing import Any

from generation.engine.checkpoints import catalogue
from generation.engine.checkpoints.catalogue import CHECKPOINTS, Checkpoint
from generation.engine.enums import (
    ENLARGEMENT,
    PICTURES,
    MaskFill,
    Mode,
    NoiseScheduler,
    SigmaSchedule,
)
from generation.engine.request import MAX_SEED, GenerationRequest
from generation.options.sizes import (
    AS_PICTURE,
    CUSTOM,
    Size,
    extended,
    room_of,
    shape_of,
    size_for,
    size_like,
)

SIDES = ("left", "top", "right", "bottom")
# Denoising strength by default: visible changes that keep the composition. Other modes ignore it.
DEFAULT_STRENGTH: Mapping[Mode, float] = {
    Mode.IMAGE_TO_IMAGE: 0.6,
    Mode.DEPTH_TO_IMAGE: 0.9,
    Mode.INPAINT: 1.0,
}
# Share of the noise that the refiner removes, if enabled.
REFINER_SHARE = 0.2


def request_from(
    values: Mapping[str, Any], *, picture: Size | None, max_pixels: int | None = None
) -> GenerationRequest:
    """Build a request from form values; `picture` is the size of the input image in pixels.

    An outpainted image stays within `max_pixels`. Raises InvalidRequest.
    """
    checkpoint = catalogue.get(values["checkpoint"])
    mode = Mode(values["mode"] or checkpoint.first_mode)
    pictures = _pictures(values, mode)
    width, height, padding = _size(values, checkpoint, mode, picture, max_pixels)
    noise_scheduler, sigma_schedule = _noise(values, checkpoint)
    return GenerationRequest(
        prompt=values["prompt"],
        negative_prompt=values["negative_prompt"],
        checkpoint=checkpoint.id,
        mode=mode,
        width=width,
        height=height,
        num_inference_steps=_or(values["num_inference_steps"], checkpoint.num_inference_steps),
        guidance_scale=_or(values["guidance_scale"], checkpoint.guidance_scale),
        noise_scheduler=noise_scheduler,
        sigma_schedule=sigma_schedule,
        seed=_or(values["seed"], secrets.randbelow(MAX_SEED + 1)),
        num_images=_or(values["num_images"], 1),
        strength=_strength(values, mode),
        padding=padding,
        noise_level=_or(values["noise_level"], GenerationRequest.noise_level),
        refiner_share=REFINER_SHARE if _is_refined(values, checkpoint, mode) else 0.0,
        image=pictures["image"],
        mask=pictures["mask"],
        depth=pictures["depth"],
        **_expert(values, mode),
    )


def values_of(
    request: GenerationRequest, *, seed: int | None = None, picture: Size | None = None
) -> dict[str, Any]:
    """Initial form values that repeat the request. A `seed` of None draws a new one.

    `picture` is the size of the input image, if known.
    """
    checkpoint = CHECKPOINTS.get(request.checkpoint)
    size = (request.width, request.height)
    room = request.padding
    if picture and "room" in request.mode.uses:
        room = room_of(size, request.padding, picture)
    return {
        **request.to_dict(),
        "clip_skip": request.clip_skip if request.clip_skip > 1 else None,
        "subseed": request.subseed if request.subseed_strength else None,
        "subseed_strength": request.subseed_strength or None,
        **dict(zip(SIDES, room, strict=True)),
        "shape": shape_of(checkpoint, size) if checkpoint else CUSTOM,
        "strength": request.strength if "strength" in request.mode.uses else None,
        "mask_fill": "" if request.mask_fill is MaskFill.ORIGINAL else request.mask_fill.value,
        "refine": bool(request.refiner_share),
        "seed": seed,
        "keep_seed": seed is not None,
        # Drafts are more than the form can ask for otherwise.
        "num_images": 1 if request.draft_steps else request.num_images,
    }


def _expert(values: Mapping[str, Any], mode: Mode) -> dict[str, Any]:
    """Settings that most people leave alone; those of masks only where there is a mask."""
    strength = _or(values["subseed_strength"], 0.0)
    expert = {
        "clip_skip": _or(values["clip_skip"], GenerationRequest.clip_skip),
        "eta": values["eta"],
        "subseed_strength": strength,
        "subseed": _or(values["subseed"], secrets.randbelow(MAX_SEED + 1)) if strength else 0,
    }
    if "mask" not in mode.uses:
        return expert
    return {
        **expert,
        "mask_blur": _or(values["mask_blur"], GenerationRequest.mask_blur),
        "mask_fill": MaskFill(values["mask_fill"] or GenerationRequest.mask_fill),
        "only_masked": bool(values["only_masked"]),
        "mask_padding": _or(values["mask_padding"], GenerationRequest.mask_padding),
    }


def _noise(
    values: Mapping[str, Any], checkpoint: Checkpoint
) -> tuple[NoiseScheduler, SigmaSchedule]:
    """The noise scheduler and its sigma schedule.

    The checkpoint's sigma schedule goes with its own noise scheduler only: a name that is asked for means
    the same with every checkpoint.
    """
    named, sigmas = values["noise_scheduler"], values["sigma_schedule"]
    scheduler = NoiseScheduler(named or checkpoint.noise_scheduler)
    own = SigmaSchedule.UNIFORM if named else checkpoint.sigma_schedule
    return scheduler, SigmaSchedule(sigmas or own)


def _strength(values: Mapping[str, Any], mode: Mode) -> float:
    """The chosen strength, the mode's default, or 1.0 for modes without the field."""
    return _or(values["strength"], DEFAULT_STRENGTH[mode]) if "strength" in mode.uses else 1.0


def _is_refined(values: Mapping[str, Any], checkpoint: Checkpoint, mode: Mode) -> bool:
    return bool(values["refine"] and checkpoint.refiner and "refiner" in mode.uses)


def _pictures(values: Mapping[str, Any], mode: Mode) -> dict[str, str]:
    """Digests of the mode's input images; images chosen for other modes become empty."""
    return {name: values[name] if name in mode.uses else "" for name in PICTURES}


def _size(
    values: Mapping[str, Any],
    checkpoint: Checkpoint,
    mode: Mode,
    picture: Size | None,
    max_pixels: int | None,
) -> tuple[int, int, tuple[int, int, int, int]]:
    nothing = (0, 0, 0, 0)
    if "room" in mode.uses and picture:
        left, top, right, bottom = (_or(values[side], 0) for side in SIDES)
        return extended(checkpoint, picture, (left, top, right, bottom), max_pixels=max_pixels)
    if mode is Mode.UPSCALE and picture:
        width, height = (checkpoint.nearest_side(side * ENLARGEMENT) for side in picture)
        return width, height, nothing
    if values["shape"] == CUSTOM:
        native = checkpoint.native_size
        return _or(values["width"], native), _or(values["height"], native), nothing
    if values["shape"] == AS_PICTURE and picture:
        return *size_like(checkpoint, picture), nothing
    shape = "square" if values["shape"] == AS_PICTURE else values["shape"]
    return *size_for(checkpoint, shape=shape), nothing


def _or(value: Any, default: Any) -> Any:
    """`default` in place of None; zero counts as a value."""
    return default if value is None else value
