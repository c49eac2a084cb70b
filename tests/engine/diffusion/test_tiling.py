"""Tiles cover a picture, and joining them leaves no trace."""

from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from generation.engine.diffusion.tiling import Tiling, tiling_for
from generation.engine.loop.engine import Engine
from generation.engine.request import tiles
from tests.engine.upscaling import enlarge, seam


@given(length=st.integers(1, 700))
def test_tiles_reach_from_end_to_end_and_overlap(length):
    found = tiles.starts(length)

    assert found[0] == 0
    assert found[-1] + tiles.SIDE >= length
    assert found[-1] + tiles.SIDE == length or len(found) == 1
    for one, other in pairwise(found):
        assert one < other <= one + tiles.SIDE - tiles.OVERLAP


@pytest.mark.parametrize("size", [(40, 40), (40, 96), (96, 16), (33, 71)])
def test_what_is_cut_is_joined_to_the_same(size):
    height, width = size
    pictures = torch.randn(2, 4, height, width)
    tiling = Tiling(height=height, width=width, side=32, overlap=8)

    cut = tiling.cut(pictures)

    assert len(cut) == 2 * tiling.count
    assert torch.allclose(tiling.join(cut), pictures, atol=1e-5)


def test_a_tile_that_disagrees_is_blended_without_a_seam():
    tiling = Tiling(height=16, width=56, side=32, overlap=8)
    cut = torch.zeros(2, 1, 16, 32)
    cut[1] = 1.0

    joined = tiling.join(cut)[0, 0, 8]

    assert joined[0] == 0 and joined[-1] == 1
    assert joined.diff().min() >= 0
    assert joined.diff().max() < 0.25


def test_what_fits_into_one_tile_needs_no_tiling():
    assert tiling_for(height=tiles.SIDE, width=tiles.SIDE) is None
    assert tiling_for(height=tiles.SIDE, width=tiles.SIDE + 8) is not None


def test_a_picture_of_many_tiles_has_no_visible_seams(engine: Engine):
    image = enlarge(engine, width=1024, height=256, steps=2)

    assert image.size == (1024, 256)
    assert seam(image) < 1.1
