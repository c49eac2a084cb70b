"""Links into the studio, and names of prompts and modes."""

import json
from typing import Any
from urllib.parse import urlencode

from django import template
from django.urls import reverse
from django.utils.translation import get_language

from generation.engine.enums import Family, MaskFill, Mode, NoiseScheduler, SigmaSchedule
from generation.engine.request import GenerationRequest
from generation.engine.request.sampler_names import SAMPLERS, SCHEDULES
from generation.models import Image
from generation.options import mode_names
from generation.options.example_images import Subject

register = template.Library()


@register.simple_tag(takes_context=True)
def start_url(context: dict[str, Any], **start: str) -> str:
    """URL of the studio with prefilled values; for visitors by way of sign-up."""
    target = f"{reverse('studio')}?{urlencode(start)}"
    if context["user"].is_authenticated:
        return target
    return f"{reverse('account_signup')}?{urlencode({'next': target})}"


@register.filter
def prompt_here(subject: Subject) -> str:
    """The subject's prompt in the active language."""
    return subject.prompt(get_language())


@register.filter
def mode_name(mode: Mode) -> str:
    return str(mode_names.NAMES[mode])


@register.filter
def sigma_schedules(family: Family) -> str:
    """The sigma schedules of each of the family's noise schedulers, as JSON for the studio's script.

    A noise scheduler that is named for its schedule has no other.
    """
    able = {each: each.sigma_schedules(family) for each in family.noise_schedulers}
    return json.dumps(able | {NoiseScheduler.DPMPP_2M_KARRAS: ()})


@register.filter
def has_strength(mode: Mode) -> bool:
    """True if the mode has a strength setting."""
    return "strength" in mode.uses


@register.filter
def sampler_name(scheduler: NoiseScheduler) -> str:
    return SAMPLERS[scheduler]


@register.filter
def schedule_name(schedule: SigmaSchedule) -> str:
    return SCHEDULES[schedule]


@register.filter
def mask_fill_name(fill: MaskFill) -> str:
    return str(mode_names.MASK_FILLS[fill])


@register.filter
def seed_of(image: Image | str, request: GenerationRequest) -> int:
    """The image's seed; that of the request on pages of a job, which name no image."""
    return image.seed if isinstance(image, Image) else request.seed


@register.filter
def subseed_of(image: Image | str, request: GenerationRequest) -> int:
    """The subseed of an image of the request; of its first one on pages of a job, which name none."""
    return request.subseeds[image.index if isinstance(image, Image) else 0]
