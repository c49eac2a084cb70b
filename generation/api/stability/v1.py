"""Stability's v1: text-to-image, image-to-image with and without a mask, engines, balance, account."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.utils.translation import gettext as _

from accounts.models import ApiKey, Scope
from billing import ledger
from billing.models import Unit
from generation.api import (
    auth,
    build_request,
    call_log_middleware,
    errors,
    files,
    orders,
    parsing,
    results,
    wait,
)
from generation.api.endpoint import Wire
from generation.api.errors import ApiError
from generation.api.orders import Idempotency
from generation.api.stability import v2
from generation.api.threads import in_thread
from generation.engine.enums import Mode
from generation.engine.request import GenerationRequest, NoiseScheduler
from generation.models import Job, Upload

# Those of their samplers that have one here; any other is the checkpoint's own.
SAMPLERS: Mapping[str, NoiseScheduler] = {
    "DDIM": NoiseScheduler.DDIM,
    "DDPM": NoiseScheduler.DDPM,
    "K_DPMPP_2M": NoiseScheduler.DPMPP_2M,
    "K_EULER": NoiseScheduler.EULER,
    "K_EULER_ANCESTRAL": NoiseScheduler.EULER_ANCESTRAL,
    "K_HEUN": NoiseScheduler.HEUN,
}
MOST_SAMPLES = 10
# How much of the picture stays where nobody says.
IMAGE_STRENGTH = 0.35
SCHEDULE_START = 0.65
_PROMPT = re.compile(r"text_prompts\[(\d{1,2})\]\[(text|weight)\]")


@dataclass(frozen=True, kw_only=True)
class ParsedRequest:
    """What a request asks for, in parts of which each is a job, and what it is known again by."""

    parts: list[GenerationRequest]
    ticket: Idempotency


def _refuse(refusal: ApiError) -> JsonResponse:
    status, name = v2.named(refusal)
    body = {"id": str(call_log_middleware.request_id()), "name": name, "message": refusal.message}
    return JsonResponse(body, status=status)


wire = Wire(refuse=_refuse, max_bytes=v2.MAX_BYTES)


@wire.endpoint("POST", scope=Scope.GENERATE)
async def text_to_image(request: HttpRequest, engine_id: str) -> HttpResponseBase:
    return await _made(request, await in_thread(_wish_from_words)(request, engine_id))


@wire.endpoint("POST", scope=Scope.GENERATE)
async def image_to_image(request: HttpRequest, engine_id: str) -> HttpResponseBase:
    return await _made(request, await in_thread(_wish_from_image)(request, engine_id))


@wire.endpoint("POST", scope=Scope.GENERATE)
async def masking(request: HttpRequest, engine_id: str) -> HttpResponseBase:
    return await _made(request, await in_thread(_wish_from_mask)(request, engine_id))


@wire.endpoint("GET", scope=Scope.READ)
def engines(request: HttpRequest) -> JsonResponse:
    shown = [
        {"id": each.id, "name": each.name, "description": each.summary, "type": "PICTURE"}
        for each in build_request.checkpoints_of(auth.entry_of(request).key)
    ]
    return JsonResponse(shown, safe=False)


@wire.endpoint("GET", scope=Scope.ACCOUNT)
def balance(request: HttpRequest) -> JsonResponse:
    user = auth.entry_of(request).key.user
    return JsonResponse({"credits": ledger.available(user, Unit.CREDITS) / 1_000})


@wire.endpoint("GET", scope=Scope.ACCOUNT)
def account(request: HttpRequest) -> JsonResponse:
    user = auth.entry_of(request).key.user
    return JsonResponse(
        {"email": user.email, "id": str(user.pk), "organizations": [], "profile_picture": ""}
    )


async def _made(request: HttpRequest, wanted: ParsedRequest) -> HttpResponseBase:
    jobs = await in_thread(_place)(request, wanted)
    ended = await wait.until_all_ended(jobs)
    return await in_thread(_shown)(request, ended)


def _place(request: HttpRequest, wanted: ParsedRequest) -> list[Job]:
    entry = auth.entry_of(request)
    jobs = orders.place_all(entry.key, wanted.parts, wanted.ticket)
    entry.job = jobs[0]
    return jobs


def _shown(request: HttpRequest, jobs: Sequence[Job]) -> HttpResponse:
    images = results.pictures_of(*jobs)
    if request.headers.get("Accept", "").startswith("image/"):
        answer = HttpResponse(files.content_of(images[0]), content_type="image/png")
        answer["Finish-Reason"] = "SUCCESS"
        answer["Seed"] = str(images[0].seed)
        return answer
    artifacts = [
        {
            "base64": files.base64_of(files.content_of(image)),
            "finishReason": "SUCCESS",
            "seed": image.seed,
        }
        for image in images
    ]
    return JsonResponse({"artifacts": artifacts})


def _wish_from_words(request: HttpRequest, engine_id: str) -> ParsedRequest:
    key = auth.entry_of(request).key
    fields = parsing.json_object(request)
    prompts = fields.get("text_prompts")
    if not isinstance(prompts, list) or not all(isinstance(each, dict) for each in prompts):
        raise errors.invalid("text_prompts", _("Send a list of texts with their weights."))
    first = build_request.build_request(
        key,
        **_common(key, fields, engine_id, prompts, mode=Mode.TEXT_TO_IMAGE),
        width=parsing.integer(fields, "width"),
        height=parsing.integer(fields, "height"),
    )
    return _wanted(request, first, fields)


def _wish_from_image(request: HttpRequest, engine_id: str) -> ParsedRequest:
    key = auth.entry_of(request).key
    fields, sent = parsing.form(request)
    prompts = _prompts_in(fields)
    first = build_request.build_request(
        key,
        **_common(key, fields, engine_id, prompts, mode=Mode.IMAGE_TO_IMAGE),
        image=files.receive(key, parsing.file_of(sent, "init_image"), param="init_image").digest,
        strength=_strength(fields),
    )
    return _wanted(request, first, fields, sent)


def _wish_from_mask(request: HttpRequest, engine_id: str) -> ParsedRequest:
    key = auth.entry_of(request).key
    fields, sent = parsing.form(request)
    image = files.receive(key, parsing.file_of(sent, "init_image"), param="init_image")
    first = build_request.build_request(
        key,
        **_common(key, fields, engine_id, _prompts_in(fields), mode=Mode.INPAINT),
        image=image.digest,
        mask=_mask(key, fields, sent, image).digest,
    )
    return _wanted(request, first, fields, sent)


def _wanted(
    request: HttpRequest,
    first: GenerationRequest,
    fields: Mapping[str, Any],
    sent: "parsing.Files | None" = None,
) -> ParsedRequest:
    number = parsing.count(fields, "samples", limit=MOST_SAMPLES)
    ticket = orders.ticket_of(request, {**fields, **orders.sums_of(sent or {})})
    return ParsedRequest(parts=build_request.in_parts(first, number), ticket=ticket)


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
) -> dict[str, Any]:
    weighed = [
        (parsing.text(each, "text"), parsing.number(each, "weight") or 0 if "weight" in each else 1)
        for each in prompts
    ]
    return {
        "prompt": ", ".join(text for text, weight in weighed if weight >= 0),
        "negative_prompt": ", ".join(text for text, weight in weighed if weight < 0),
        "checkpoint": build_request.known_as(key, engine_id, mode=mode, elsewhere=v2.ELSEWHERE),
        "mode": mode.value,
        "guidance_scale": parsing.number(fields, "cfg_scale"),
        "num_inference_steps": parsing.integer(fields, "steps"),
        "noise_scheduler": SAMPLERS.get(parsing.text(fields, "sampler"), ""),
        # Nought stands for a random one.
        "seed": parsing.integer(fields, "seed") or None,
    }


def _prompts_in(fields: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """From text_prompts[0][text] and text_prompts[0][weight]."""
    prompts: dict[int, dict[str, Any]] = {}
    for name, value in fields.items():
        if found := _PROMPT.fullmatch(name):
            prompts.setdefault(int(found[1]), {})[found[2]] = value
    return [prompts[number] for number in sorted(prompts)]


def _strength(fields: Mapping[str, Any]) -> float:
    """How much of the picture is given up, which they say in two ways."""
    if fields.get("init_image_mode") == "STEP_SCHEDULE":
        start = parsing.number(fields, "step_schedule_start")
        return SCHEDULE_START if start is None else start
    kept = parsing.number(fields, "image_strength")
    return 1 - (IMAGE_STRENGTH if kept is None else kept)
