"""Reading of a single file's tensors, one part at a time; those in eight bits are widened."""

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from generation.engine.checkpoints.store.weights import Unusable

Weights = dict[str, Tensor]

# Formats for storage only: the engine cannot compute in them.
_EIGHT_BITS = (torch.float8_e4m3fn, torch.float8_e5m2)
# Names of the number by which a weight in eight bits was divided, after that of the weight's module.
_SCALES = (".scale_weight", ".weight_scale")
# Notes for programs that compute in eight bits.
_NOTES = (*_SCALES, ".scale_input", ".input_scale", ".comfy_quant", "scaled_fp8")


def read(path: Path, prefix: str) -> Weights:
    """Return the tensors with this prefix, which their names lose. Raises Unusable."""
    try:
        with safe_open(path, framework="pt") as file:
            names = [name for name in file.keys() if name.startswith(prefix)]  # noqa: SIM118  # it is no mapping
            scales = {name: file.get_tensor(name) for name in names if name.endswith(_SCALES)}
            return {
                name.removeprefix(prefix): _widened(file.get_tensor(name), _scale(name, scales))
                for name in names
                if not name.endswith(_NOTES)
            }
    except SafetensorError as error:
        raise Unusable(f"{path} has tensors that cannot be read: {error}") from error


def _scale(name: str, scales: Mapping[str, Tensor]) -> Tensor | None:
    module = name.removesuffix(".weight")
    return next((scales[module + end] for end in _SCALES if module + end in scales), None)


def _widened(tensor: Tensor, scale: Tensor | None) -> Tensor:
    """Return an eight-bit tensor as bfloat16, times its scale: one number, or one for each row."""
    if tensor.dtype not in _EIGHT_BITS:
        return tensor
    if scale is None:
        return tensor.bfloat16()
    shape = [-1, *[1] * (tensor.ndim - 1)] if scale.numel() > 1 else []
    return (tensor.float() * scale.float().reshape(shape)).bfloat16()
