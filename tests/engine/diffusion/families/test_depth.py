"""Depth maps are scaled to what the model was trained with."""

import numpy as np
import pytest
import torch
from PIL import Image

from generation.engine.diffusion.families import depth


@pytest.mark.parametrize("size", [(4, 4), (8, 6), (5, 9)])
def test_depth_is_spread_over_the_whole_range_at_the_latents_size(size: tuple[int, int]) -> None:
    ramp = torch.arange(64.0).view(1, 1, 8, 8)

    fitted = depth.fitted(ramp, size=size)

    assert fitted.shape == (1, 1, *size)
    assert (fitted.min(), fitted.max()) == (-1, 1)
    assert fitted[0, 0, 0, 0] < fitted[0, 0, -1, -1]


def test_a_flat_depth_map_is_in_the_middle() -> None:
    assert depth.fitted(torch.full((1, 1, 8, 8), 3.0), size=(4, 4)).tolist() == [[[[0.0] * 4] * 4]]


@pytest.mark.parametrize(("mode", "levels"), [("L", [0, 128, 255]), ("I;16", [0, 1_000, 60_000])])
def test_every_level_of_a_users_depth_map_is_kept(mode: str, levels: list[int]) -> None:
    dtype = np.uint16 if mode == "I;16" else np.uint8
    image = Image.fromarray(np.array([levels], dtype=dtype))
    assert image.mode == mode

    assert depth.from_picture(image).tolist() == [[[[float(level) for level in levels]]]]


def test_a_colored_depth_map_is_read_as_gray() -> None:
    image = Image.new("RGB", (2, 1), (10, 10, 10))

    assert depth.from_picture(image).tolist() == [[[[10.0, 10.0]]]]
