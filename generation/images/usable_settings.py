"""Settings that were found in a file, held against what a request with their model may have."""

from collections.abc import Mapping

from generation.engine.checkpoints.catalogue import CHECKPOINTS, Checkpoint
from generation.engine.enums import NoiseScheduler, SigmaSchedule
from generation.engine.request import GenerationRequest, InvalidRequest
from generation.engine.request.sampler_names import SAMPLERS, SCHEDULES
from generation.images.programs.found_settings import FoundSettings
from generation.options.engine_messages import translated
from generation.options.offered import preferred

_SIDES = ("width", "height")


def leave_out_unusable(found: FoundSettings) -> None:
    """Move what the form would refuse to `left_out`, by the limits of the named model, else of the default."""
    checkpoint = CHECKPOINTS.get(id_of(str(found.values.get("checkpoint", ""))) or "") or _default()
    while refused := _refused(found, checkpoint):
        for name, reason in refused.items():
            _leave_out(found, name, reason)


def id_of(name: str) -> str | None:
    """Return the checkpoint whose id or name this is, in upper or lower case."""
    known = {each.casefold(): id for id, one in CHECKPOINTS.items() for each in (one.name, id)}
    return known.get(name.casefold())


def _default() -> Checkpoint:
    return next(iter(preferred()), None) or next(iter(CHECKPOINTS.values()))


def _refused(found: FoundSettings, checkpoint: Checkpoint) -> Mapping[str, str]:
    """Return the reason for each value that no request may have."""
    values = {**found.values, "checkpoint": checkpoint.id}
    # A prompt may still be written.
    values["prompt"] = values.get("prompt") or "-"
    try:
        GenerationRequest.from_dict(GenerationRequest.usual(checkpoint).to_dict() | values)
    except InvalidRequest as error:
        return {
            name: reason
            for name, reason in error.errors.items()
            if name in found.values and name != "checkpoint"
        }
    return {}


def _leave_out(found: FoundSettings, name: str, reason: str) -> None:
    values = found.values
    if name not in values:
        # It went with another one.
        return
    if name in _SIDES:
        sides = [str(values.pop(side)) for side in _SIDES if side in values]
        found.left_out["width"] = "x".join(sides)
        return
    value = str(values.pop(name))
    if name in {"prompt", "negative_prompt"}:
        value = translated(reason)
    elif name == "noise_scheduler":
        value = SAMPLERS[NoiseScheduler(value)]
        values.pop("sigma_schedule", None)
    elif name == "sigma_schedule":
        value = SCHEDULES[SigmaSchedule(value)]
        if "noise_scheduler" in values:
            value += f" ({SAMPLERS[NoiseScheduler(str(values['noise_scheduler']))]})"
    found.left_out[name] = value
