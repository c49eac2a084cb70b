"""Reads Stability's v1 requests: JSON for text-to-image, forms for the others."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.http import HttpRequest
from django.utils.translation import gettext as _

from accounts.models import ApiKey
from generation.api import auth, build_request, errors, files, parsing
from generation.api.idempotency import Idempotency, digests_of, identify
from generation.api.stability.parsing import FOREIGN
from generation.engine.enums import Mode, NoiseScheduler
from generation.engine.request import GenerationRequest, prompt_weights
from generation.engine.request.limits import MAX_WEIGHT
from generation.models import Upload

# Their samplers that exist here.
SAMPLERS: Mapping[str, NoiseScheduler] = {
    "DDIM": NoiseScheduler.DDIM,
    "DDPM": NoiseScheduler.DDPM,
    "K_DPMPP_2M": NoiseScheduler.DPMPP_2M,
    "K_DPM_2": NoiseScheduler.DPM2,
    "K_DPM_2_ANCESTRAL": NoiseScheduler.DPM2_ANCESTRAL,
    "K_EULER": NoiseScheduler.EULER,
    "K_EULER_ANCESTRAL": NoiseScheduler.EULER_ANCESTRAL,
    "K_HEUN": NoiseScheduler.HEUN,
    "K_LMS": NoiseScheduler.LMS,
}
MAX_SAMPLES = 10
# Apart from its sign. A weight of 0 leaves its text out.
MIN_WEIGHT = 0.001
# Their defaults for image_strength and step_schedule_start.
IMAGE_STRENGTH = 0.35
SCHEDULE_START = 0.65
_PROMPT = re.compile(r"text_prompts\[(\d{1,2})\]\[(text|weight)\]")


@dataclass(frozen=True, kw_only=True)
class ParsedRequest:
    """A request: one part for each job, and its idempotency."""

    parts: list[GenerationRequest]
    idempotency: Idempotency


def text_to_image(request: HttpRequest, engine_id: str) -> ParsedRequest:
    key = auth.call_of(request).key
    fields = parsing.json_object(request)
    prompts = fields.get("text_prompts")
    if not isinstance(prompts, list) or not all(isinstance(each, dict) for each in prompts):
        raise errors.invalid("text_prompts", _("Send a list of texts with their weights."))
    width, height = parsing.integer(fields, "width"), parsing.integer(fields, "height")
    first = build_request.build_request(
        key,
        **_common(key, fields, engine_id, prompts, mode=Mode.TEXT_TO_IMAGE, size=(width, height)),
        width=width,
        height=height,
    )
    return _parsed(request, first, fields)


def image_to_image(request: HttpRequest, engine_id: str) -> ParsedRequest:
    key = auth.call_of(request).key
    fields, sent = parsing.form(request)
    prompts = _prompts_in(fields)
    first = build_request.build_request(
        key,
        **_common(key, fields, engine_id, prompts, mode=Mode.IMAGE_TO_IMAGE),
        image=files.receive(key, parsing.file_of(sent, "init_image"), param="init_image").digest,
        strength=_strength(fields),
    )
    return _parsed(request, first, fields, sent)


def masking(request: HttpRequest, engine_id: str) -> ParsedRequest:
    key = auth.call_of(request).key
    fields, sent = parsing.form(request)
    image = files.receive(key, parsing.file_of(sent, "init_image"), param="init_image")
    first = build_request.build_request(
        key,
        **_common(key, fields, engine_id, _prompts_in(fields), mode=Mode.INPAINT),
        image=image.digest,
        mask=_mask(key, fields, sent, image).digest,
    )
    return _parsed(request, first, fields, sent)


def _parsed(
    request: HttpRequest,
    first: GenerationRequest,
    fields: Mapping[str, Any],
    sent: "parsing.Files | None" = None,
) -> ParsedRequest:
    number = parsing.count(fields, "samples", limit=MAX_SAMPLES)
    idempotency = identify(request, {**fields, **digests_of(sent or {})})
    return ParsedRequest(parts=build_request.in_parts(first, number), idempotency=idempotency)


def _mask(key: ApiKey, fields: Mapping[str, Any], sent: parsing.Files, image: Upload) -> Upload:
    source = parsing.text(fields, "mask_source")
    if source == "INIT_IMAGE_ALPHA":
        mask = files.mask_in(key, image)
        if mask is None:
            raise errors.invalid("init_image", _("This picture has no transparent part."))
        return mask
    if source not in {"MASK_IMAGE_WHITE", "MASK_IMAGE_BLACK"}:
        raise errors.invalid("mask_source", _("This source of a mask is not known."))
    content = parsing.file_of(sent, "mask_image")
    return files.receive_mask(key, content, invert=source == "MASK_IMAGE_BLACK")


def _common(
    key: ApiKey,
    fields: Mapping[str, Any],
    engine_id: str,
    prompts: list[Mapping[str, Any]],
    *,
    mode: Mode,
    size: tuple[int | None, int | None] = (None, None),
) -> dict[str, Any]:
    parsing.require_missing(fields, "style_preset", "extras", "step_schedule_end")
    if parsing.text(fields, "clip_guidance_preset") not in {"", "NONE"}:
        parsing.require_missing(fields, "clip_guidance_preset")
    weighted = [(parsing.text(each, "text"), _weight(each)) for each in prompts]
    return {
        "prompt": ", ".join(_weighed(*each) for each in weighted if each[1] > 0),
        "negative_prompt": ", ".join(_weighed(*each) for each in weighted if each[1] < 0),
        "checkpoint": build_request.known_as(key, engine_id, mode=mode, foreign=FOREIGN, size=size),
        "mode": mode.value,
        "guidance_scale": parsing.number(fields, "cfg_scale"),
        "num_inference_steps": parsing.integer(fields, "steps"),
        "noise_scheduler": _noise_scheduler(fields),
        "seed": parsing.seed(fields, is_zero_random=True),
    }


def _weight(prompt: Mapping[str, Any]) -> float:
    weight = parsing.number(prompt, "weight")
    if weight is None:
        return 1.0
    if weight and not MIN_WEIGHT <= abs(weight) <= MAX_WEIGHT:
        message = _("Use weights from %(low)g to %(high)g, negative ones, or 0.")
        raise errors.invalid("text_prompts", message % {"low": MIN_WEIGHT, "high": MAX_WEIGHT})
    return weight


def _weighed(text: str, weight: float) -> str:
    """The text of a prompt with its weight, apart from its sign, in our notation."""
    escaped = prompt_weights.escaped(text)
    return (
        escaped if abs(weight) == 1 else f"({escaped}:{Decimal(repr(abs(weight))).normalize():f})"
    )


def _noise_scheduler(fields: Mapping[str, Any]) -> str:
    """Empty without a sampler, which means the checkpoint's default. Raises ApiError for an unknown one."""
    name = parsing.text(fields, "sampler")
    if name and name not in SAMPLERS:
        names = ", ".join(SAMPLERS)
        raise errors.invalid("sampler", _("Choose one of %(names)s.") % {"names": names})
    return SAMPLERS[name] if name else ""


def _prompts_in(fields: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The form's prompts, from fields such as text_prompts[0][text] and text_prompts[0][weight]."""
    prompts: dict[int, dict[str, Any]] = {}
    for name, value in fields.items():
        if found := _PROMPT.fullmatch(name):
            prompts.setdefault(int(found[1]), {})[found[2]] = value
    return [prompts[number] for number in sorted(prompts)]


def _strength(fields: Mapping[str, Any]) -> float:
    """The share of the image to give up; `init_image_mode` says which field has it."""
    if fields.get("init_image_mode") == "STEP_SCHEDULE":
        start = parsing.number(fields, "step_schedule_start")
        return SCHEDULE_START if start is None else start
    kept = parsing.number(fields, "image_strength")
    return 1 - (IMAGE_STRENGTH if kept is None else kept)
