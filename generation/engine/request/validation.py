"""Validation of a request's settings."""

import math
import re
from collections.abc import Mapping

from generation.engine.checkpoints import catalogue
from generation.engine.checkpoints.catalogue import Checkpoint, UnknownCheckpoint
from generation.engine.enums import PICTURES, WITH_ETA, Mode, NoiseScheduler
from generation.engine.messages import Message, gettext_noop
from generation.engine.request import prompt_length, prompt_schedule, prompt_weights
from generation.engine.request.limits import (
    MAX_CLIP_SKIP,
    MAX_DRAFTS,
    MAX_GUIDANCE_SCALE,
    MAX_IMAGES,
    MAX_MASK_BLUR,
    MAX_MASK_PADDING,
    MAX_NOISE_LEVEL,
    MAX_PROMPT_LENGTH,
    MAX_REFINER_SHARE,
    MAX_SEED,
    MAX_STEPS,
    MAX_WEIGHT,
)
from generation.engine.request.settings import Settings
from generation.engine.storable_text import is_storable

MIN_INNER_SIDE = 64
_MISSING = {
    "image": Message(gettext_noop("Add a picture for this.")),
    "mask": Message(gettext_noop("Add a mask: paint over what is to be drawn anew.")),
    "depth": Message(gettext_noop("Add a depth map: this model can't estimate one.")),
}
# The lowest and the highest value of each field.
NUMBERS: Mapping[str, tuple[float, float]] = {
    "num_inference_steps": (1, MAX_STEPS),
    "guidance_scale": (0, MAX_GUIDANCE_SCALE),
    "seed": (0, MAX_SEED),
    "num_images": (1, MAX_IMAGES),
    "strength": (0, 1),
    "noise_level": (0, MAX_NOISE_LEVEL),
    "refiner_share": (0, MAX_REFINER_SHARE),
    "clip_skip": (1, MAX_CLIP_SKIP),
    "eta": (0, 1),
    "subseed": (0, MAX_SEED),
    "subseed_strength": (0, 1),
    "mask_blur": (0, MAX_MASK_BLUR),
    "mask_padding": (0, MAX_MASK_PADDING),
}
# The web UI's tags for networks, whose names are not words.
_NETWORK = re.compile(r"<(?:lora|lyco|hypernet):[^<>]+>", re.IGNORECASE)
_SHA256 = re.compile(r"[0-9a-f]{64}")


class InvalidRequest(ValueError):
    """The request is invalid; `errors` has one message for each invalid field."""

    errors: dict[str, str]

    def __init__(self, errors: dict[str, str]) -> None:
        super().__init__(" ".join(f"{field}: {message}" for field, message in errors.items()))
        self.errors = errors


def errors_in(request: Settings) -> dict[str, str]:
    """Return one message for each invalid field; empty for a valid request."""
    errors = (
        _errors_in_text(request)
        | _errors_in_numbers(request)
        | _errors_in_pictures(request)
        | _errors_in_checkpoint(request)
        | _errors_in_origin(request)
    )
    return errors or _errors_in_course(request)


def _errors_in_text(request: Settings) -> dict[str, str]:
    errors: dict[str, str] = {}
    for name in ("prompt", "negative_prompt"):
        text = getattr(request, name)
        if len(text) > MAX_PROMPT_LENGTH:
            errors[name] = Message(
                gettext_noop("Use at most %(limit)d characters."), limit=MAX_PROMPT_LENGTH
            )
        elif not is_storable(text):
            errors[name] = Message(gettext_noop("This text has characters that cannot be stored."))
        elif (pieces := prompt_length.pieces_in(text)) > prompt_length.MAX_PIECES:
            errors[name] = Message(
                gettext_noop(
                    "Shorten this: it has about %(pieces)d pieces of %(tokens)d tokens, and %(limit)d are "
                    "allowed. Digits, signs and Chinese characters count most."
                ),
                pieces=pieces,
                tokens=prompt_length.PIECE_TOKENS,
                limit=prompt_length.MAX_PIECES,
            )
        elif tag := _NETWORK.search(text):
            errors[name] = Message(
                gettext_noop(
                    "LoRAs and hypernetworks are not available here: take %(tag)s out of the prompt."
                ),
                tag=tag[0][:100],
            )
        elif error := _error_in_brackets(text, request):
            errors[name] = error
    if not request.prompt.strip() and request.mode is Mode.TEXT_TO_IMAGE:
        errors["prompt"] = Message(gettext_noop("Say what the picture should show."))
    return errors


def _error_in_brackets(text: str, request: Settings) -> Message | None:
    """Return the message for a prompt's weights and versions; None if they are fine."""
    if not prompt_schedule.is_readable(text):
        return Message(gettext_noop("This prompt has too many brackets and signs."))
    versions = _versions(text, request)
    if len(versions) > prompt_schedule.MAX_VERSIONS:
        return Message(
            gettext_noop(
                "This prompt changes into more than %(limit)d others. Let it change less."
            ),
            limit=prompt_schedule.MAX_VERSIONS,
        )
    if (pieces := sum(map(prompt_length.pieces_in, versions))) > prompt_length.MAX_PIECES:
        return Message(
            gettext_noop(
                "Shorten this, or let it change less: its %(versions)d versions have about %(pieces)d "
                "pieces together, and %(limit)d are allowed."
            ),
            versions=len(versions),
            pieces=pieces,
            limit=prompt_length.MAX_PIECES,
        )
    parsed = [prompt_weights.parse(version) for version in versions]
    if (fragments := max(map(len, parsed))) > prompt_weights.MAX_FRAGMENTS:
        return Message(
            gettext_noop(
                "Use fewer brackets: %(count)d parts have weights of their own, and %(limit)d may."
            ),
            count=fragments,
            limit=prompt_weights.MAX_FRAGMENTS,
        )
    if max(map(prompt_weights.heaviest, parsed)) > MAX_WEIGHT:
        return Message(
            gettext_noop("Use weights up to %(limit)g. Nested brackets multiply."),
            limit=MAX_WEIGHT,
        )
    return None


def _versions(text: str, request: Settings) -> tuple[str, ...]:
    """Return the versions of a prompt; the request's steps need not be valid."""
    steps = min(max(request.num_inference_steps, 1), MAX_STEPS)
    return prompt_schedule.versions(text, steps=steps)


def _errors_in_numbers(request: Settings) -> dict[str, str]:
    bounds = {**NUMBERS, "num_images": (1, MAX_DRAFTS)} if request.draft_steps else NUMBERS
    return {
        name: _out_of_bounds(low, high)
        for name, (low, high) in bounds.items()
        if not _is_within(getattr(request, name), low, high)
    }


def _out_of_bounds(low: float, high: float) -> Message:
    return Message(gettext_noop("Choose a number from %(low)g to %(high).10g."), low=low, high=high)


def _is_within(number: float | None, low: float, high: float) -> bool:
    return number is None or (math.isfinite(number) and low <= number <= high)


def _errors_in_pictures(request: Settings) -> dict[str, str]:
    errors: dict[str, str] = {}
    for name in request.mode.pictures:
        if not getattr(request, name):
            errors[name] = _MISSING[name]
    for name in PICTURES:
        if getattr(request, name) and not _SHA256.fullmatch(getattr(request, name)):
            errors[name] = Message(gettext_noop("This picture is not known."))
    if min(request.padding) < 0 or max(request.padding) > max(request.width, request.height):
        errors["padding"] = Message(gettext_noop("This much cannot be added to a picture."))
    elif request.mode is Mode.OUTPAINT and not _leaves_room(request):
        errors["padding"] = Message(gettext_noop("Add some room on at least one side."))
    return errors


def _leaves_room(request: Settings) -> bool:
    """Return True if there is padding, and an inner image large enough to extend."""
    left, top, right, bottom = request.padding
    inner = (request.width - left - right, request.height - top - bottom)
    return any(request.padding) and min(inner) >= MIN_INNER_SIDE


def _errors_in_checkpoint(request: Settings) -> dict[str, str]:
    try:
        checkpoint = catalogue.get(request.checkpoint)
    except UnknownCheckpoint:
        return {"checkpoint": Message(gettext_noop("This checkpoint is not in the catalogue."))}
    errors = _errors_in_size(request, checkpoint)
    name = checkpoint.name
    if request.mode not in checkpoint.modes:
        errors["mode"] = Message(gettext_noop("%(checkpoint)s cannot do this."), checkpoint=name)
    if checkpoint.wants_depth and not request.depth:
        errors["depth"] = _MISSING["depth"]
    if request.noise_scheduler not in checkpoint.family.noise_schedulers:
        errors["noise_scheduler"] = Message(
            gettext_noop("%(checkpoint)s works with Euler and Heun."), checkpoint=name
        )
    else:
        errors |= _errors_in_schedule(request, checkpoint)
    if request.refiner_share:
        errors |= _errors_in_refining(request, checkpoint)
    if request.eta is not None and request.noise_scheduler not in WITH_ETA:
        errors["eta"] = Message(gettext_noop("Eta works with DDIM and Euler ancestral alone."))
    if request.clip_skip > checkpoint.text_layers:
        errors["clip_skip"] = _out_of_bounds(1, checkpoint.text_layers)
    if not errors and request.evaluations_in_full < 1:
        errors["strength"] = Message(
            gettext_noop("With so little strength no step is left: raise it, or take more steps.")
        )
    return errors


def _errors_in_origin(request: Settings) -> dict[str, str]:
    errors: dict[str, str] = {}
    if request.origin and not _SHA256.fullmatch(request.origin):
        errors["origin"] = Message(gettext_noop("This kept step is not known."))
    if request.origin and not request.origin_step:
        errors["origin_step"] = Message(gettext_noop("Give the number of the step to go on from."))
    if request.origin_step and not request.origin:
        errors["origin"] = Message(gettext_noop("Give the kept step to go on from."))
    if request.origin and request.num_images != 1:
        errors["num_images"] = Message(gettext_noop("One picture at a time goes on from a step."))
    if request.origin and request.draft_steps:
        errors["draft_steps"] = Message(gettext_noop("A draft can't go on from a step."))
    return errors


def _errors_in_course(request: Settings) -> dict[str, str]:
    """Return the messages for steps that a request with otherwise valid settings does not have."""
    last = request.evaluations_in_full - 1
    if request.origin and not 1 <= request.origin_step <= last:
        return {"origin_step": _out_of_bounds(1, last)}
    if request.draft_steps < 0:
        return {"draft_steps": _out_of_bounds(0, last)}
    if request.draft_steps > last:
        return {
            "num_inference_steps": Message(gettext_noop("Too few steps for a draft: add some."))
        }
    return {}


def _errors_in_schedule(request: Settings, checkpoint: Checkpoint) -> dict[str, str]:
    errors: dict[str, str] = {}
    scheduler = request.noise_scheduler
    able = scheduler.sigma_schedules(checkpoint.family)
    if request.sigma_schedule not in able:
        errors["sigma_schedule"] = Message(
            gettext_noop("With this noise scheduler, choose one of: %(names)s."),
            names=", ".join(able),
        )
    if scheduler.max_steps is not None and request.num_inference_steps > scheduler.max_steps:
        errors["num_inference_steps"] = Message(
            gettext_noop("This noise scheduler takes at most %(limit)d steps."),
            limit=scheduler.max_steps,
        )
    # Its first steps need the steps before them, which a run that begins in the middle does not have.
    if scheduler is NoiseScheduler.LMS and request.first_step:
        errors["noise_scheduler"] = Message(
            gettext_noop("LMS cannot start from a picture. Choose another noise scheduler.")
        )
    return errors


def _errors_in_refining(request: Settings, checkpoint: Checkpoint) -> dict[str, str]:
    if not checkpoint.refiner or request.mode is not Mode.TEXT_TO_IMAGE:
        return {
            "refiner_share": Message(
                gettext_noop("%(checkpoint)s has no refiner for this."), checkpoint=checkpoint.name
            )
        }
    if not request.noise_scheduler.hands_over:
        return {
            "noise_scheduler": Message(
                gettext_noop("This noise scheduler does not work with a refiner. Choose another.")
            )
        }
    # Some schedules have no step below one whole step's noise: the run would end without its refiner.
    if request.refiner_share * (request.num_inference_steps - 1) <= 1:
        return {
            "num_inference_steps": Message(
                gettext_noop("Too few steps: none would be left for the refiner.")
            )
        }
    return {}


def _errors_in_size(request: Settings, checkpoint: Checkpoint) -> dict[str, str]:
    sides = {name: getattr(request, name) for name in ("width", "height")}
    return {
        name: Message(
            gettext_noop(
                "Use %(nearest)d pixels: sides are multiples of %(multiple)d, from %(low)d to %(high)d."
            ),
            nearest=checkpoint.nearest_side(side),
            multiple=checkpoint.multiple,
            low=checkpoint.min_size,
            high=checkpoint.max_size,
        )
        for name, side in sides.items()
        if side != checkpoint.nearest_side(side)
    }
