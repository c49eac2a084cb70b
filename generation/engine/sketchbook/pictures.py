"""The drawings of one training, stored as one array for all later stages."""

from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from generation.engine.sketchbook import drawing, scenes

Pixels = NDArray[np.uint8]

_CHUNK = 256


def draw_all(path: Path, *, count: int, seed: str, workers: int) -> None:
    """Draw the first `count` scenes of a seed into `path`: uint8, shape (count, height, width, 3).

    Does nothing if the file has as many already.
    """
    if path.exists() and len(load(path)) == count:
        return
    unfinished = path.with_suffix(".part")
    shape = (count, drawing.SIZE, drawing.SIZE, 3)
    pixels = np.lib.format.open_memmap(unfinished, mode="w+", dtype=np.uint8, shape=shape)
    starts = range(0, count, _CHUNK)
    with (
        ProcessPoolExecutor(workers) as pool,
        tqdm(total=count, desc="draw", unit="picture") as bar,
    ):
        chunks = pool.map(
            _draw_chunk,
            [range(start, min(start + _CHUNK, count)) for start in starts],
            [seed] * len(starts),
        )
        for start, chunk in zip(starts, chunks, strict=True):
            pixels[start : start + len(chunk)] = chunk
            bar.update(len(chunk))
    pixels.flush()
    unfinished.rename(path)


def load(path: Path) -> Pixels:
    """Return the drawings of `draw_all`, mapped from disk."""
    pixels: Pixels = np.load(path, mmap_mode="c")
    return pixels


def _draw_chunk(numbers: Sequence[int], seed: str) -> Pixels:
    return np.stack(
        [np.asarray(drawing.draw(scenes.numbered(number, seed=seed))) for number in numbers]
    )
