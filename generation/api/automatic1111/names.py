"""AUTOMATIC1111's names for checkpoints, samplers and schedulers, and their lookup."""

import hashlib
from collections.abc import Mapping
from typing import Any

from accounts.models import ApiKey
from generation.api import build_request, errors, parsing
from generation.engine.checkpoints.catalogue import CHECKPOINTS, Checkpoint
from generation.engine.enums import Mode
from generation.engine.request import sampler_names

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


def sampling_in(body: Mapping[str, Any], checkpoint: str) -> dict[str, str]:
    """The fields for the named sampler and schedule; without either, the checkpoint's own. Raises ApiError.

    As in the web UI, a schedule at the end of the sampler's name counts more than the field, and a sampler
    without a schedule has its automatic one.
    """
    name = parsing.text(body, "sampler_name") or parsing.text(body, "sampler_index")
    return sampling_named(name, parsing.text(body, "scheduler"), checkpoint)


def sampling_named(name: str, schedule_name: str, checkpoint: str) -> dict[str, str]:
    """As `sampling_in`, for the two names; either may be empty. Raises ApiError."""
    wanted = schedule_name or sampler_names.AUTOMATIC
    if not name and wanted.lower() == sampler_names.AUTOMATIC.lower():
        return {}
    try:
        scheduler, schedule = sampler_names.sampler(name or CHECKPOINTS[checkpoint].noise_scheduler)
        if schedule is None or not name:
            schedule = sampler_names.schedule(wanted, scheduler)
    except sampler_names.UnknownSampler:
        raise errors.not_found("Sampler not found") from None
    except sampler_names.UnknownSchedule:
        raise errors.not_found("Scheduler not found") from None
    stored = sampler_names.combined(scheduler, schedule)
    return {"noise_scheduler": stored[0].value, "sigma_schedule": stored[1].value}
