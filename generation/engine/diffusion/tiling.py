"""Tiling: large images in overlapping tiles that are denoised together, without seams.

At every step each tile is a row of its own, and predictions are averaged where tiles overlap
(MultiDiffusion, arXiv 2302.08113), with more weight towards the middle of a tile.
"""

from collections.abc import Iterator

import torch
from torch import Tensor

from generation.engine.request import tiles


class Tiling:
    """Tiles of `side` by `side` cells over (height, width) cells, overlapping by `overlap` or more."""

    def __init__(
        self,
        *,
        height: int,
        width: int,
        side: int = tiles.SIDE,
        overlap: int = tiles.OVERLAP,
    ) -> None:
        self._size = (height, width)
        self._tile = (min(side, height), min(side, width))
        self._corners = [
            (top, left)
            for top in tiles.starts(height, side=side, overlap=overlap)
            for left in tiles.starts(width, side=side, overlap=overlap)
        ]
        down, across = (_ramp(length) for length in self._tile)
        self._weights = down[:, None] * across[None, :]

    @property
    def count(self) -> int:
        """Tiles of one image."""
        return len(self._corners)

    def cut(self, pictures: Tensor) -> Tensor:
        """Return the tiles of (n, channels, height, width), image after image: (n * count, ...)."""
        cut = [pictures[:, :, rows, columns] for rows, columns in self._slices()]
        return torch.stack(cut, dim=1).flatten(0, 1)

    def join(self, cut: Tensor) -> Tensor:
        """Undo `cut`: average the tiles where they overlap."""
        by_picture = torch.unflatten(cut, 0, (-1, self.count))
        weights = self._weights.to(cut)
        shape = (len(by_picture), cut.shape[1], *self._size)
        total, weight = cut.new_zeros(shape), cut.new_zeros(self._size)
        for index, (rows, columns) in enumerate(self._slices()):
            total[:, :, rows, columns] += by_picture[:, index] * weights
            weight[rows, columns] += weights
        return total / weight

    def _slices(self) -> Iterator[tuple[slice, slice]]:
        height, width = self._tile
        for top, left in self._corners:
            yield slice(top, top + height), slice(left, left + width)


def tiling_for(*, height: int, width: int) -> Tiling | None:
    """Return the tiling of an image of so many cells; None if it fits into one tile."""
    if height <= tiles.SIDE and width <= tiles.SIDE:
        return None
    return Tiling(height=height, width=width)


def _ramp(length: int) -> Tensor:
    """Return weights (length,) that rise from 1 to the middle and fall to 1 again."""
    return torch.minimum(torch.arange(1, length + 1), torch.arange(length, 0, -1)).float()
