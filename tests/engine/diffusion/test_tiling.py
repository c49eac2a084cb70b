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


@pytest.mark.parametrize(("height", "width"), [(8, 8), (31, 33), (32, 32), (50, 97), (128, 65)])
def test_every_cell_is_in_a_tile_and_no_tile_reaches_beyond_the_image(height, width):
    tiling = Tiling(height=height, width=width, side=32, overlap=8)
    covered = torch.zeros(height, width)

    for rows, columns in tiling._slices():
        assert 0 <= rows.start < rows.stop <= height
        assert 0 <= columns.start < columns.stop <= width
        covered[rows, columns] += 1

    assert covered.min() >= 1


@pytest.mark.parametrize("width", [33, 57, 64, 97, 200])
def test_neighboring_tiles_overlap_by_no_less_than_asked_for(width):
    tiling = Tiling(height=32, width=width, side=32, overlap=8)

    columns = [columns for _rows, columns in tiling._slices()]

    assert all(one.stop - other.start >= 8 for one, other in pairwise(columns))


def test_an_image_smaller_than_a_tile_is_one_tile_of_its_own_size():
    tiling = Tiling(height=10, width=20, side=32, overlap=8)
    image = torch.randn(3, 4, 10, 20)

    assert tiling.count == 1
    assert torch.equal(tiling.cut(image), image)
    assert torch.allclose(tiling.join(image), image)


def test_tiles_of_one_image_follow_each_other():
    images = torch.stack([torch.full((1, 16, 56), 1.0), torch.full((1, 16, 56), 2.0)])

    cut = Tiling(height=16, width=56, side=32, overlap=8).cut(images)

    assert cut[:, 0, 0, 0].tolist() == [1, 1, 2, 2]


def test_the_middle_of_a_tile_counts_more_than_its_edge():
    tiling = Tiling(height=32, width=56, side=32, overlap=8)
    cut = torch.zeros(2, 1, 32, 32)
    cut[1] = 1.0

    row = tiling.join(cut)[0, 0, 16]

    # The overlap has columns 24 to 31; the second tile's share grows through it.
    assert row[23] == 0 and row[32] == 1
    assert 0 < row[24] < 0.2 and 0.8 < row[31] < 1
    assert torch.allclose(row[24:32] + row[24:32].flip(0), torch.ones(8))


def test_half_precision_stays_half_precision():
    tiling = Tiling(height=16, width=56, side=32, overlap=8)
    image = torch.ones(1, 1, 16, 56, dtype=torch.float16)

    joined = tiling.join(tiling.cut(image))

    assert joined.dtype is torch.float16
    assert torch.allclose(joined, image, atol=1e-3)


@pytest.mark.parametrize(("height", "width"), [(tiles.SIDE + 1, 8), (8, tiles.SIDE + 1)])
def test_one_side_that_is_too_long_is_enough_for_tiles(height, width):
    tiling = tiling_for(height=height, width=width)

    assert tiling is not None and tiling.count == 2
