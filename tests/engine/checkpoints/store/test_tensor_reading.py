"""Tensors in eight bits become what they were before they were divided by their scale."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from generation.engine.checkpoints.store.tensor_reading import read


@pytest.mark.parametrize("end", ["scale_weight", "weight_scale"])
@pytest.mark.parametrize("scale", [torch.tensor(0.5), torch.tensor([0.5]), torch.tensor([0.5, 2])])
def test_a_scaled_weight_is_multiplied_by_its_scale(
    tmp_path: Path, end: str, scale: torch.Tensor
) -> None:
    weight = torch.tensor([[1.0, 2.0], [4.0, 8.0]])
    rows = scale.reshape(-1, 1) if scale.numel() > 1 else scale
    save_file(
        {
            "a.scaled_fp8": torch.zeros(2).to(torch.float8_e4m3fn),
            "a.b.weight": (weight / rows).to(torch.float8_e4m3fn),
            f"a.b.{end}": scale,
            "a.b.scale_input": torch.tensor(1.0),
            "a.b.bias": torch.ones(2),
            "other": torch.ones(1),
        },
        tmp_path / "file.safetensors",
    )

    found = read(tmp_path / "file.safetensors", "a.")

    assert set(found) == {"b.weight", "b.bias"}
    assert found["b.weight"].dtype is torch.bfloat16
    assert torch.equal(found["b.weight"].float(), weight)
    assert found["b.bias"].dtype is torch.float32
