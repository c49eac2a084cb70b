"""A submission that has left the engine between two steps, and its form as bytes.

A saved run is a SHA-256 and a safetensors file, which has its JSON as a tensor of bytes: no pickle, which could run
code. Its tensors are on the host.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import diffusers
import safetensors
import safetensors.torch
import torch
from torch import Tensor

from generation.engine.charges import Charge
from generation.engine.diffusion.run_state import RunState, UnusableState, Value, row_of

# The layout below, and the libraries that give the tensors their meaning. With others, a run starts over.
FORMAT = f"1 torch {torch.__version__} diffusers {diffusers.__version__}"
_DIGEST_BYTES = hashlib.sha256().digest_size
_JSON = "json"


@dataclass(frozen=True, kw_only=True)
class SavedRun:
    """A submission between two steps.

    `version` is that of the content of the checkpoint at work: the refiner once it `is_refining`. `run` is None while
    that is being loaded. `steps_before` are the forward passes of the base model, and `carried` its latents for a
    refiner that has not started yet. `charges` are all so far.
    """

    version: str
    run: RunState | None
    is_refining: bool
    steps_before: int
    carried: Tensor | None
    charges: tuple[Charge, ...]

    @property
    def latents_to_refine(self) -> Tensor | None:
        """The latents that a refiner's run is prepared with; once it has started, only their shape counts."""
        return self.run.latents if self.is_refining and self.run else self.carried

    @property
    def step(self) -> int:
        """Forward passes done, the base model's included."""
        return self.steps_before + (self.run.step if self.run else 0)

    def without_charges(self) -> "SavedRun":
        """Return the state that other requests may go on from."""
        return replace(self, charges=())

    def alone(self, index: int) -> "SavedRun":
        """Return the part of image number `index`, from 0, without charges; its tensors are copies."""
        return SavedRun(
            version=self.version,
            run=self.run and self.run.alone(index),
            is_refining=self.is_refining,
            steps_before=self.steps_before,
            carried=row_of(self.carried, index) if self.carried is not None else None,
            charges=(),
        )


def dumps(saved: SavedRun, *, name: str = "") -> bytes:
    """Return the saved run as bytes. Waits for the device that has its tensors.

    With a `name`, equal states of two pictures have different bytes.
    """
    tensors = _Tensors()
    content = {
        "format": FORMAT,
        "name": name,
        "version": saved.version,
        "run": saved.run and _run_to_json(saved.run, tensors),
        "is_refining": saved.is_refining,
        "steps_before": saved.steps_before,
        "carried": tensors.add(saved.carried) if saved.carried is not None else None,
        "charges": [asdict(charge) for charge in saved.charges],
    }
    text = torch.frombuffer(bytearray(json.dumps(content).encode()), dtype=torch.uint8)
    packed = safetensors.torch.save({_JSON: text, **tensors.by_name})
    return hashlib.sha256(packed).digest() + packed


def loads(content: bytes) -> SavedRun:
    """Return the saved run that `dumps` made into bytes. Raises UnusableState."""
    digest, packed = content[:_DIGEST_BYTES], content[_DIGEST_BYTES:]
    if hashlib.sha256(packed).digest() != digest:
        raise UnusableState("it is damaged")
    try:
        tensors = safetensors.torch.load(packed)
        read = json.loads(tensors.pop(_JSON).numpy().tobytes())
        if read["format"] != FORMAT:
            raise UnusableState(f"it is of format {read['format']}")
        return SavedRun(
            version=read["version"],
            run=read["run"] and _run_from_json(read["run"], tensors),
            is_refining=read["is_refining"],
            steps_before=read["steps_before"],
            carried=tensors[read["carried"]] if read["carried"] else None,
            charges=tuple(Charge(**charge) for charge in read["charges"]),
        )
    except (KeyError, TypeError, ValueError, safetensors.SafetensorError) as error:
        raise UnusableState(f"it cannot be read: {error!r}") from error


class _Tensors:
    """Tensors on their way into a file, by the names that the JSON has for them."""

    def __init__(self) -> None:
        self.by_name: dict[str, Tensor] = {}

    def add(self, tensor: Tensor) -> str:
        name = f"t{len(self.by_name)}"
        # A tensor of its own: safetensors refuses two that share memory.
        self.by_name[name] = tensor.detach().to("cpu", copy=True).contiguous()
        return name


def _run_to_json(run: RunState, tensors: _Tensors) -> dict[str, Any]:
    return {
        "step": run.step,
        "latents": tensors.add(run.latents),
        "generators": [tensors.add(state) for state in run.generators],
        "schedule": {name: _to_json(value, tensors) for name, value in run.schedule.items()},
    }


def _run_from_json(read: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> RunState:
    return RunState(
        step=read["step"],
        latents=tensors[read["latents"]],
        # torch crashes on the state of a generator that begins within a larger storage.
        generators=tuple(tensors[name].clone() for name in read["generators"]),
        schedule={name: _from_json(value, tensors) for name, value in read["schedule"].items()},
    )


def _to_json(value: Value, tensors: _Tensors) -> Any:
    if isinstance(value, Tensor):
        return {"tensor": tensors.add(value)}
    if isinstance(value, list):
        return [_to_json(each, tensors) for each in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(f"a noise scheduler keeps a {type(value).__name__}")


def _from_json(value: Any, tensors: Mapping[str, Tensor]) -> Value:
    if isinstance(value, dict):
        return tensors[value["tensor"]]
    restored: Value = (
        [_from_json(each, tensors) for each in value] if isinstance(value, list) else value
    )
    return restored
