"""Requests for every family, mode and noise scheduler that the engine has."""

import hashlib
from collections.abc import Iterator, Mapping
from functools import cache

import numpy as np
from PIL import Image, ImageDraw

from generation.engine.checkpoints.checkpoint import Checkpoint
from generation.engine.enums import FLOW_SCHEDULERS, Family, Mode, NoiseScheduler, SigmaSchedule
from generation.engine.request import GenerationRequest
from tests.engine.driving import a_request
from tests.engine.toy_checkpoints import TOYS

SIDE = 32

# Settings of each mode that make the cases cover every branch of its start.
VARIANTS: Mapping[Mode, tuple[Mapping[str, object], ...]] = {
    Mode.TEXT_TO_IMAGE: ({},),
    Mode.IMAGE_TO_IMAGE: ({"strength": 0.6},),
    Mode.INPAINT: ({"strength": 1.0}, {"strength": 0.6}),
    Mode.OUTPAINT: ({"padding": (0, 0, 8, 8), "width": 80, "height": 80, "strength": 1.0},),
    Mode.DEPTH_TO_IMAGE: ({"strength": 0.6}, {"strength": 1.0, "depth": "depth"}),
    Mode.UPSCALE: ({"width": 128, "height": 128, "noise_level": 20},),
}


@cache
def picture(name: str) -> Image.Image:
    """Return an input picture of a name, always the same: colors and edges, a mask, a depth."""
    rng = np.random.default_rng(len(name))
    noise = rng.integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
    drawn = Image.fromarray(noise).resize((4, 4)).resize((SIDE, SIDE), Image.Resampling.NEAREST)
    if name == "image":
        return drawn
    if name == "mask":
        mask = Image.new("L", (SIDE, SIDE), 0)
        ImageDraw.Draw(mask).ellipse((8, 8, 24, 24), fill=255)
        return mask
    return drawn.convert("L")


def digest(name: str) -> str:
    """Return how a request names an input picture."""
    return hashlib.sha256(name.encode()).hexdigest()


def inputs_of(request: GenerationRequest) -> dict[str, Image.Image]:
    """Return the pictures that a request of this module names."""
    names = ("image", "mask", "depth")
    return {name: picture(name) for name in names if getattr(request, name)}


def schedulers_of(checkpoint: Checkpoint) -> tuple[NoiseScheduler, ...]:
    """Return the noise schedulers that diffusers has for a checkpoint."""
    if checkpoint.id == "toy-sd3-small":
        # Diffusers' Heun for flows has no dynamic shifting.
        return (NoiseScheduler.EULER,)
    if checkpoint.embeds_guidance:
        return (NoiseScheduler.LCM, NoiseScheduler.EULER)
    return FLOW_SCHEDULERS if checkpoint.family is Family.SD3 else tuple(NoiseScheduler)


# Their steps are the same on every checkpoint, so three of those show all.
RARE = frozenset(
    {
        NoiseScheduler.DPMPP_2M_SDE_HEUN,
        NoiseScheduler.DPMPP_SDE,
        NoiseScheduler.DPM2,
        NoiseScheduler.DPM2_ANCESTRAL,
        NoiseScheduler.LMS,
        NoiseScheduler.LCM,
        NoiseScheduler.TCD,
    }
)
SHOWS_RARE = frozenset({"toy", "toy-v", "toy-xl", "toy-lcm"})
SCHEDULE_IDS = ("toy", "toy-v", "toy-sd3")


def request_for(
    id: str,
    mode: Mode,
    noise_scheduler: NoiseScheduler,
    variant: Mapping[str, object],
    **more: object,
) -> GenerationRequest:
    """Return a small request for a toy checkpoint."""
    pictures = {name: digest(name) for name in (*mode.pictures, *({"depth"} & variant.keys()))}
    return a_request(
        **{
            "checkpoint": id,
            "mode": mode,
            "noise_scheduler": noise_scheduler,
            "num_inference_steps": 5,
            **variant,
            **pictures,
            **more,
        }
    )


def all_cases() -> Iterator[tuple[str, Mode, NoiseScheduler, Mapping[str, object]]]:
    """Yield every combination: checkpoint, mode, noise scheduler, variant of the mode."""
    for id, toy in TOYS.items():
        for mode in Mode:
            if mode not in toy.checkpoint.modes:
                continue
            for variant in VARIANTS[mode]:
                for noise_scheduler in schedulers_of(toy.checkpoint):
                    if noise_scheduler in RARE and id not in SHOWS_RARE:
                        continue
                    if noise_scheduler is NoiseScheduler.LMS and variant.get("strength", 1) != 1:
                        continue
                    yield id, mode, noise_scheduler, variant
    yield from schedule_cases()
    for noise_scheduler in schedulers_of(TOYS["toy-xl"].checkpoint):
        if noise_scheduler.hands_over:
            yield "toy-xl", Mode.TEXT_TO_IMAGE, noise_scheduler, {"refiner_share": 0.4}


def schedule_cases() -> Iterator[tuple[str, Mode, NoiseScheduler, Mapping[str, object]]]:
    """Yield each noise scheduler with its sigma schedules, from words, and some from a picture."""
    for id in SCHEDULE_IDS:
        checkpoint = TOYS[id].checkpoint
        for noise_scheduler in schedulers_of(checkpoint):
            for schedule in noise_scheduler.sigma_schedules(checkpoint.family):
                variant = {"sigma_schedule": schedule}
                if schedule is SigmaSchedule.UNIFORM:
                    continue
                yield id, Mode.TEXT_TO_IMAGE, noise_scheduler, variant
                if schedule is SigmaSchedule.KARRAS and noise_scheduler is not NoiseScheduler.LMS:
                    yield id, Mode.IMAGE_TO_IMAGE, noise_scheduler, {**variant, "strength": 0.6}


def name_of(value: object) -> str:
    """Return a short name for a part of a case, for the tests' ids and the table."""
    if isinstance(value, Mapping):
        return " ".join(f"{name}={part}" for name, part in value.items()) or "-"
    return str(value)
