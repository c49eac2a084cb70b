"""AUTOMATIC1111's names for checkpoints, samplers and schedulers, and their lookup."""

import hashlib
from collections.abc import Mapping
from typing import Any

from accounts.models import ApiKey
from generation.api import build_request, errors, parsing
from generation.engine.checkpoints.catalogue import CHECKPOINTS, Checkpoint
from generation.engine.enums import Mode, NoiseScheduler
from generation.engine.request import infotext

# By the names that clients send, in lower case.
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


def title_of(checkpoint: Checkpoint) -> str:
    return f"{checkpoint.id} [{hash_of(checkpoint.id)}]"


def hash_of(checkpoint_id: str) -> str:
    """A stand-in for the model hash that clients compare: of the id, not of the weights."""
    return hashlib.sha256(checkpoint_id.encode()).hexdigest()[:10]


def checkpoint_in(
    key: ApiKey, body: Mapping[str, Any], *, mode: Mode, size: tuple[int | None, int | None]
) -> str:
    """The id from the request, else from the key's stored options, else the default. Raises ApiError."""
    override = body.get("override_settings")
    named = override.get(MODEL_OPTION) if isinstance(override, dict) else None
    if named:
        id = id_named(named)
        if not id:
            raise errors.invalid(MODEL_OPTION, "Unknown model")
        return id
    if (chosen := chosen_by(key)) and mode in chosen.modes:
        return chosen.id
    return build_request.checkpoint_of(key, "", mode=mode, size=size).id


def chosen_by(key: ApiKey) -> Checkpoint | None:
    """The checkpoint of the key's stored options; None without one, or if the key can't use it any more."""
    id = id_named(key.options.get(MODEL_OPTION, ""))
    return next((each for each in build_request.checkpoints_of(key) if each.id == id), None)


def upscalers_of(key: ApiKey) -> list[Checkpoint]:
    return [each for each in build_request.checkpoints_of(key) if Mode.UPSCALE in each.modes]


def upscaler_in(key: ApiKey, body: Mapping[str, Any]) -> str:
    """The id of the named upscaler, else of the first: clients also send names unknown here.

    Raises ApiError if the key may use no upscaler.
    """
    named = id_named(body.get("upscaler_1"))
    known = {each.id for each in upscalers_of(key)}
    return build_request.checkpoint_of(key, named if named in known else "", mode=Mode.UPSCALE).id


def id_named(name: Any) -> str:
    """The id of a checkpoint by its title, id or name; empty for an unknown one."""
    if not isinstance(name, str):
        return ""
    plain = name.partition(" [")[0]
    if plain in CHECKPOINTS:
        return plain
    return next((each.id for each in CHECKPOINTS.values() if each.name == plain), "")


def noise_scheduler_in(body: Mapping[str, Any]) -> str:
    """The named sampler; empty for an unknown one, which means the checkpoint's default."""
    name = parsing.text(body, "sampler_name") or parsing.text(body, "sampler_index")
    found = _BY_NAME.get(name.lower())
    if found is NoiseScheduler.DPMPP_2M and parsing.text(body, "scheduler").lower() == KARRAS:
        return NoiseScheduler.DPMPP_2M_KARRAS
    return found or ""
