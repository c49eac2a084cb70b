"""Words of AUTOMATIC1111's wire: its errors, and its names of samplers, schedulers and checkpoints."""

import hashlib
from collections.abc import Mapping
from typing import Any

from django.http import JsonResponse
from django.utils.translation import gettext as _

from accounts.models import ApiKey
from generation.api import build_request, parsing
from generation.api import errors as api_errors
from generation.api.endpoint import Wire
from generation.api.errors import ApiError
from generation.engine.checkpoints.catalogue import CHECKPOINTS, Checkpoint
from generation.engine.enums import Mode
from generation.engine.request import NoiseScheduler, infotext

# By the names that clients know, in small letters.
_BY_NAME: Mapping[str, NoiseScheduler] = {
    **{name.lower(): scheduler for scheduler, name in infotext.SAMPLERS.items()},
    **{scheduler.value: scheduler for scheduler in NoiseScheduler},
    "k_euler": NoiseScheduler.EULER,
    "k_euler_a": NoiseScheduler.EULER_ANCESTRAL,
    "k_dpmpp_2m": NoiseScheduler.DPMPP_2M,
    "k_heun": NoiseScheduler.HEUN,
}
KARRAS = "karras"
MODEL_OPTION = "sd_model_checkpoint"
CONTROLNET = "controlnet"


def _refuse(refusal: ApiError) -> JsonResponse:
    if refusal.status == 422:
        listed = [
            {"loc": ["body", param], "msg": message, "type": "value_error"}
            for param, message in (refusal.errors or {"body": refusal.message}).items()
        ]
        return JsonResponse({"detail": listed}, status=422)
    body = {
        "error": "HTTPException",
        "detail": refusal.message,
        "body": "",
        "errors": refusal.code,
    }
    answer = JsonResponse(body, status=refusal.status)
    if refusal.status == 401:
        answer["WWW-Authenticate"] = "Basic"
    return answer


wire = Wire(refuse=_refuse)


def title_of(checkpoint: Checkpoint) -> str:
    return f"{checkpoint.id} [{hash_of(checkpoint.id)}]"


def hash_of(checkpoint_id: str) -> str:
    """Clients tell checkpoints apart by something like this; it is of the name, not of the weights."""
    return hashlib.sha256(checkpoint_id.encode()).hexdigest()[:10]


def checkpoint_in(key: ApiKey, body: Mapping[str, Any], *, mode: Mode) -> str:
    """The id of the one for this request, or that was set before, or the default. Raises Refusal."""
    override = body.get("override_settings")
    wanted = override.get(MODEL_OPTION) if isinstance(override, dict) else None
    id = id_named(wanted or key.options.get(MODEL_OPTION, ""))
    if wanted and not id:
        raise api_errors.invalid(MODEL_OPTION, "Unknown model")
    return build_request.checkpoint_of(key, id, mode=mode).id


def require_here(body: Mapping[str, Any]) -> None:
    """Refuse what would change the picture and is not here: it would be paid for without. Raises Refusal."""
    if parsing.text(body, "script_name"):
        raise api_errors.invalid("script_name", _("There are no scripts here."))
    scripts = body.get("alwayson_scripts")
    for name, settings in scripts.items() if isinstance(scripts, dict) else ():
        if name.lower() == CONTROLNET and _is_used(settings):
            raise api_errors.invalid("alwayson_scripts", _("There is no ControlNet here."))


def missing(message: str) -> ApiError:
    """For a service of the web UI that is not here."""
    return ApiError(404, "not_here", message)


def _is_used(settings: Any) -> bool:
    """Whether an extension's settings have it do anything."""
    units = settings.get("args") if isinstance(settings, dict) else settings
    if not isinstance(units, list):
        return bool(units)
    return any(unit.get("enabled", True) if isinstance(unit, dict) else unit for unit in units)


def upscalers_of(key: ApiKey) -> list[Checkpoint]:
    return [each for each in build_request.checkpoints_of(key) if Mode.UPSCALE in each.modes]


def upscaler_in(key: ApiKey, body: Mapping[str, Any]) -> str:
    """The id of the upscaler that is named, or of the first: clients name some that are not here.

    Raises Refusal where there is none.
    """
    named = id_named(body.get("upscaler_1"))
    known = {each.id for each in upscalers_of(key)}
    return build_request.checkpoint_of(key, named if named in known else "", mode=Mode.UPSCALE).id


def id_named(name: Any) -> str:
    """The id of a checkpoint by its title, id or name; nothing where there is none."""
    if not isinstance(name, str):
        return ""
    plain = name.partition(" [")[0]
    if plain in CHECKPOINTS:
        return plain
    return next((each.id for each in CHECKPOINTS.values() if each.name == plain), "")


def noise_scheduler_in(body: Mapping[str, Any]) -> str:
    """Empty for one that is not known: the checkpoint's own."""
    name = parsing.text(body, "sampler_name") or parsing.text(body, "sampler_index")
    found = _BY_NAME.get(name.lower())
    if found is NoiseScheduler.DPMPP_2M and parsing.text(body, "scheduler").lower() == KARRAS:
        return NoiseScheduler.DPMPP_2M_KARRAS
    return found or ""
