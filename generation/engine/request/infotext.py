"""Infotext: the settings of an image as AUTOMATIC1111 writes them into the `parameters` of a PNG.

It has the prompt, a line for the negative prompt, and a line of settings.
"""

import contextlib
import re
from collections.abc import Callable, Mapping

from generation.engine.enums import SigmaSchedule
from generation.engine.request import GenerationRequest, expert_infotext, sampler_names
from generation.engine.request.validation import NUMBERS


def write(request: GenerationRequest, *, seed: int) -> str:
    """Return the infotext for the request's image of this seed."""
    sampler, schedule = sampler_names.shown(request.noise_scheduler, request.sigma_schedule)
    settings = {
        "Steps": request.num_inference_steps,
        "Sampler": sampler,
        # Without it, the web UI would take its automatic one.
        "Schedule type": schedule,
        "CFG scale": f"{request.guidance_scale:g}",
        "Seed": seed,
        "Size": f"{request.width}x{request.height}",
        "Model": request.checkpoint,
    }
    if request.mode.has_picture:
        settings["Denoising strength"] = f"{request.strength:g}"
    settings |= expert_infotext.write(request)
    lines = [request.prompt]
    if request.negative_prompt:
        lines.append(f"Negative prompt: {request.negative_prompt}")
    lines.append(", ".join(f"{name}: {value}" for name, value in settings.items()))
    return "\n".join(lines)


def read(text: str) -> dict[str, str | int | float]:
    """Return the settings in an infotext by the names of a request's fields; empty for other text.

    Unknown settings and values (hashes, extensions, other samplers) are ignored, and so are numbers that no
    request can have.
    """
    *lines, last = text.strip().splitlines() or [""]
    settings = dict(_PAIR.findall(last))
    if "Steps" not in settings:
        return {}
    prompt, _, negative = "\n".join(lines).partition("Negative prompt:")
    found: dict[str, str | int | float] = {
        "prompt": prompt.strip(),
        "negative_prompt": negative.strip(),
    }
    for name, (field, convert) in _FIELDS.items():
        with contextlib.suppress(KeyError, ValueError):
            found[field] = _within_limits(field, convert(settings[name]))
    found |= _sampling(settings)
    size = _SIZE.fullmatch(settings.get("Size", ""))
    if size:
        found |= {"width": int(size[1]), "height": int(size[2])}
    return found


def _within_limits(field: str, value: str | float) -> str | int | float:
    """Return the value. Raises ValueError for a number that no request may have in the field."""
    if isinstance(value, str) or field not in NUMBERS:
        return value
    low, high = NUMBERS[field]
    if not low <= value <= high:
        raise ValueError(value)
    return value


def _sampling(settings: Mapping[str, str]) -> dict[str, str]:
    """Return the noise scheduler and its sigma schedule; empty for a sampler that is unknown here.

    Files from before the web UI's version 1.9 have the schedule in the sampler's name.
    """
    try:
        scheduler, schedule = sampler_names.sampler(settings.get("Sampler", ""))
    except sampler_names.UnknownSampler:
        return {}
    with contextlib.suppress(KeyError, sampler_names.UnknownSchedule):
        schedule = sampler_names.schedule(settings["Schedule type"], scheduler)
    pair = sampler_names.combined(scheduler, schedule or SigmaSchedule.UNIFORM)
    return {"noise_scheduler": pair[0].value, "sigma_schedule": pair[1].value}


_PAIR = re.compile(r"([A-Z][\w ]*): ([^,]+)(?:,|$)")
_SIZE = re.compile(r"(\d{1,6})x(\d{1,6})")
_FIELDS: Mapping[str, tuple[str, Callable[[str], str | int | float]]] = {
    "Steps": ("num_inference_steps", int),
    "CFG scale": ("guidance_scale", float),
    "Seed": ("seed", int),
    "Model": ("checkpoint", str),
    "Denoising strength": ("strength", float),
    **expert_infotext.FIELDS,
}
