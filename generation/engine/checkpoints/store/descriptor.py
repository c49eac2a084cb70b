"""Descriptors: the files that describe an operator's own checkpoints."""

import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

from generation.engine import strict_json
from generation.engine.checkpoints.builtin import FAMILIES, UPSCALER
from generation.engine.checkpoints.checkpoint import Checkpoint
from generation.engine.checkpoints.store import sampling_defaults, text_encoder_configs
from generation.engine.checkpoints.store.files import write_json
from generation.engine.enums import Family, Mode, NoiseScheduler, SigmaSchedule

NAME = "checkpoint.json"
OWN = "own"
_ID = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
_GIVEN_ELSEWHERE = {"id", "source", "gated", "wants_depth"}


class InvalidDescriptor(ValueError):
    """The file describes no checkpoint; the message says why."""


def is_id(text: str) -> bool:
    """Return True for a valid id: it becomes the name of a folder and a part of URLs."""
    return bool(_ID.fullmatch(text))


def read(folder: Path) -> Checkpoint:
    """Return the checkpoint that the folder's descriptor describes; the folder's name is its id.

    Missing fields default to the family's. Raises InvalidDescriptor.
    """
    try:
        content = strict_json.loads((folder / NAME).read_bytes())
        if isinstance(content, dict) and "embeds_guidance" not in content:
            # Descriptors of earlier versions don't say.
            content["embeds_guidance"] = sampling_defaults.reads_guidance(folder)
        text_layers = text_encoder_configs.layers_in(folder)
    except (OSError, ValueError) as error:
        raise InvalidDescriptor(f"{folder / NAME} cannot be read: {error}") from error
    try:
        checkpoint = _checkpoint(folder.name, content)
    except (KeyError, TypeError, ValueError) as error:
        raise InvalidDescriptor(f"{folder / NAME}: {error}") from error
    # Asked of the folder, so that it is right for descriptors of earlier releases, too.
    estimates = (folder / "depth_estimator").is_dir()
    return replace(
        checkpoint,
        wants_depth=Mode.DEPTH_TO_IMAGE in checkpoint.modes and not estimates,
        text_layers=text_layers or checkpoint.text_layers,
    )


def write(checkpoint: Checkpoint, folder: Path) -> None:
    """Write every field, so that later changes of the family's defaults have no effect on it."""
    content = {
        name: sorted(value) if isinstance(value, frozenset) else value
        for name, value in asdict(checkpoint).items()
        if name not in _GIVEN_ELSEWHERE
    }
    write_json(folder / NAME, content)


def _checkpoint(id: str, content: Any) -> Checkpoint:
    if not isinstance(content, dict):
        raise TypeError("it is no object")
    if not is_id(id):
        raise ValueError(f"{id!r} cannot be an id")
    given = dict(content)
    family = FAMILIES[Family(given.pop("family"))]
    readers = _readers()
    if unknown := given.keys() - readers.keys():
        raise ValueError(f"unknown: {', '.join(sorted(unknown))}")
    values = _current({name: readers[name](value) for name, value in given.items()}, family)
    checkpoint = replace(family, **{"name": id, **values}, id=id, source=OWN, gated=False)
    _require_sense(checkpoint)
    return checkpoint


def _current(values: dict[str, Any], family: Checkpoint) -> dict[str, Any]:
    """Return the values as this version means them.

    Earlier versions wrote 64 as every family's `multiple`, and had no `shape_multiple`.
    """
    if "shape_multiple" in values or "multiple" not in values:
        return values
    if values["multiple"] != family.shape_multiple:
        return {**values, "shape_multiple": values["multiple"]}
    is_upscaler = Mode.UPSCALE in values.get("modes", ())
    return {**values, "multiple": (UPSCALER if is_upscaler else family).multiple}


def _require_sense(checkpoint: Checkpoint) -> None:
    sizes = (checkpoint.min_size, checkpoint.native_size, checkpoint.max_size)
    if checkpoint.multiple < 1 or any(size % checkpoint.multiple for size in sizes):
        raise ValueError("min_size, native_size and max_size must be multiples of multiple")
    if checkpoint.shape_multiple < 1 or checkpoint.shape_multiple % checkpoint.multiple:
        raise ValueError("shape_multiple must be a multiple of multiple")
    if not 0 < sizes[0] <= sizes[1] <= sizes[2]:
        raise ValueError("native_size must lie between min_size and max_size")
    if not checkpoint.modes:
        raise ValueError("modes must not be empty")
    if min(checkpoint.num_inference_steps, checkpoint.start_ms_per_step_megapixel) < 1:
        raise ValueError("steps and times must be above zero")
    scheduler = NoiseScheduler(checkpoint.noise_scheduler)
    if scheduler.max_steps is not None and checkpoint.num_inference_steps > scheduler.max_steps:
        raise ValueError(
            f"num_inference_steps must be at most {scheduler.max_steps}, as {scheduler} takes no more"
        )
    able = scheduler.sigma_schedules(checkpoint.family)
    if SigmaSchedule(checkpoint.sigma_schedule) not in able:
        raise ValueError(f"{checkpoint.noise_scheduler} has no sigmas {checkpoint.sigma_schedule}")


def _readers() -> Mapping[str, Callable[[Any], Any]]:
    return {
        field.name: _READERS[field.type]
        for field in fields(Checkpoint)
        if field.type in _READERS and field.name not in _GIVEN_ELSEWHERE
    }


def _read_text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value


def _read_whole(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{value!r} is no whole number")
    return value


def _read_number(value: Any) -> float:
    return value if isinstance(value, float) else float(_read_whole(value))


def _read_modes(value: Any) -> frozenset[Mode]:
    if not isinstance(value, list):
        raise TypeError(f"{value!r} is no list")
    return frozenset(Mode(each) for each in value)


def _read_bool(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError(f"{value!r} is neither true nor false")
    return value


_READERS: Mapping[Any, Callable[[Any], Any]] = {
    str: _read_text,
    bool: _read_bool,
    int: _read_whole,
    float: _read_number,
    frozenset[Mode]: _read_modes,
}
