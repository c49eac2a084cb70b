"""The high-resolution pass (`enable_hr`): a second, larger job for each image of the first.

Each second job is image-to-image with `denoising_strength`. Both passes are held and charged as
ordinary jobs.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from accounts.models import ApiKey
from generation.api import build_request, parsing, results
from generation.api import errors as api_errors
from generation.api.automatic1111 import expert, names
from generation.engine.checkpoints import catalogue
from generation.engine.enums import Mode
from generation.engine.request import GenerationRequest, InvalidRequest, sampler_names
from generation.images import uploads
from generation.models import Job

SCALE = 2.0
DENOISING_STRENGTH = 0.75
SAME_SAMPLER, SAME_SCHEDULER = "Use same sampler", "Use same scheduler"
# A placeholder: the image does not exist yet.
_PENDING = "0" * 64
# Our names of fields to theirs.
_THEIRS: Mapping[str, str] = {
    "width": "hr_scale",
    "height": "hr_scale",
    "num_inference_steps": "hr_second_pass_steps",
    "strength": "denoising_strength",
    "guidance_scale": "hr_cfg",
}


def second_pass(
    key: ApiKey, body: Mapping[str, Any], first: GenerationRequest
) -> GenerationRequest:
    """The request of the second pass without its image and seed. Raises InvalidRequest or ApiError."""
    strength = parsing.number(body, "denoising_strength")
    sampling = _sampling(body, first)
    checkpoint = _checkpoint(body, first)
    width, height = _size(body, first, multiple=catalogue.get(checkpoint).multiple)
    try:
        return build_request.build_request(
            key,
            prompt=parsing.text(body, "hr_prompt") or first.prompt,
            negative_prompt=parsing.text(body, "hr_negative_prompt") or first.negative_prompt,
            checkpoint=checkpoint,
            mode=Mode.IMAGE_TO_IMAGE.value,
            width=width,
            height=height,
            num_inference_steps=parsing.integer(body, "hr_second_pass_steps")
            or first.num_inference_steps,
            guidance_scale=parsing.number(body, "hr_cfg") or first.guidance_scale,
            **sampling,
            seed=first.seed,
            clip_skip=first.clip_skip,
            eta=expert.eta(body, sampling["noise_scheduler"]),
            subseed=first.subseed,
            subseed_strength=first.subseed_strength,
            strength=DENOISING_STRENGTH if strength is None else strength,
            image=_PENDING,
        )
    except InvalidRequest as error:
        errors = {_THEIRS.get(name, name): message for name, message in error.errors.items()}
        raise InvalidRequest(errors) from error


def from_each(key: ApiKey, first: Job, second: GenerationRequest) -> list[GenerationRequest]:
    """The second pass for each image of the first. Raises ApiError if there are none."""
    return [
        replace(
            second,
            image=uploads.from_image(key.user, image).digest,
            seed=image.seed,
            subseed=first.generation_request.subseeds[image.index],
        )
        for image in results.images_of(first)
    ]


def _checkpoint(body: Mapping[str, Any], first: GenerationRequest) -> str:
    named = parsing.text(body, "hr_checkpoint_name")
    if named in {"", "Use same checkpoint"}:
        return first.checkpoint
    found = names.id_named(named)
    if not found:
        raise api_errors.invalid("hr_checkpoint_name", "Unknown model")
    return found


def _sampling(body: Mapping[str, Any], first: GenerationRequest) -> dict[str, str]:
    """The second pass's noise scheduler and sigma schedule, each the first's if it names none."""
    name = parsing.text(body, "hr_sampler_name")
    schedule = parsing.text(body, "hr_scheduler")
    same_name, same_schedule = name in {"", SAME_SAMPLER}, schedule in {"", SAME_SCHEDULER}
    if same_name and same_schedule:
        return {
            "noise_scheduler": first.noise_scheduler.value,
            "sigma_schedule": first.sigma_schedule.value,
        }
    if same_name:
        name, _schedule = sampler_names.shown(first.noise_scheduler, first.sigma_schedule)
    if same_schedule:
        schedule = parsing.text(body, "scheduler")
    return names.sampling_named(name, schedule, first.checkpoint)


def _size(body: Mapping[str, Any], first: GenerationRequest, *, multiple: int) -> tuple[int, int]:
    """The size by `hr_resize_x`, `hr_resize_y` or both, else by `hr_scale`; rounded to `multiple`."""
    across, down = (parsing.number(body, name) or 0 for name in ("hr_resize_x", "hr_resize_y"))
    scale = parsing.number(body, "hr_scale")
    if not across and not down:
        across = first.width * (SCALE if scale is None else scale)
    width = across or down * first.width / first.height
    height = down or across * first.height / first.width
    return round(width / multiple) * multiple, round(height / multiple) * multiple
