"""The judge: a small classifier of images, trained on drawn scenes only.

It answers `labels.QUESTIONS` from 64 by 64 pixels. Its score on held-out drawings is the ceiling of every other score.
"""

from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn.functional import avg_pool2d, interpolate

from generation.engine.sketchbook import labels, scenes
from generation.engine.sketchbook.pictures import Pixels
from generation.engine.sketchbook.scenes import Scene
from generation.engine.sketchbook.stage import Stage

SIZE = 64
_BATCH = 64
_PEAK_RATE = 3e-3


class Judge(nn.Module):
    """Four strided convolutions and two linear layers."""

    def __init__(self) -> None:
        super().__init__()
        widths = (3, 32, 64, 128, 160)
        layers: list[nn.Module] = []
        for before, after in pairwise(widths):
            layers += [
                nn.Conv2d(before, after, 3, padding=1),
                nn.BatchNorm2d(after),
                nn.ReLU(),
                nn.MaxPool2d(2),
            ]
        self.layers = nn.Sequential(*layers, nn.Flatten())
        self.answer = nn.Sequential(
            nn.Linear(160 * 16, 256), nn.ReLU(), nn.Linear(256, labels.WIDTH)
        )

    def forward(self, small: torch.Tensor) -> torch.Tensor:
        """Return logits (batch, labels.WIDTH) for images (batch, 3, SIZE, SIZE) of 0 to 1."""
        logits: torch.Tensor = self.answer(self.layers(small))
        return logits

    @torch.inference_mode()
    def see(self, pixels: Pixels) -> torch.Tensor:
        """Return the answers for square uint8 images (count, side, side, 3): int64, shape (count, questions)."""
        return labels.read(self(_floats(shrink(pixels))))


def shrink(pixels: Pixels) -> Pixels:
    """Average square images down to the judge's size: uint8, shape (count, SIZE, SIZE, 3)."""
    factor = pixels.shape[1] // SIZE
    blocks = pixels.reshape(len(pixels), SIZE, factor, SIZE, factor, 3)
    small: Pixels = blocks.mean(axis=(2, 4), dtype=np.float32).round().astype(np.uint8)
    return small


def _floats(small: Pixels) -> torch.Tensor:
    return torch.from_numpy(small).permute(0, 3, 1, 2).float().div(255.0)


def start(path: Path) -> tuple[Judge, Stage]:
    """Return the judge and its stage, restored from `path` if it exists."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        judge = Judge()
    optimizer = torch.optim.AdamW(judge.parameters(), lr=_PEAK_RATE, weight_decay=0.02, fused=True)
    return judge.eval(), Stage("judge", path, {"judge": judge}, optimizer)


def train(path: Path, pixels: Pixels, *, seed: str, steps: int) -> None:
    """Train up to `steps` on drawings of the scenes of `seed`, from the state in `path` if it exists."""
    small = np.concatenate(
        [shrink(pixels[first : first + 512]) for first in range(0, len(pixels), 512)]
    )
    truth = torch.tensor(
        [labels.answers(scenes.numbered(number, seed=seed)) for number in range(len(pixels))]
    )
    judge, stage = start(path)

    def loss(step: int, generator: torch.Generator) -> torch.Tensor:
        stage.set_rate(_PEAK_RATE * min(1.0, (step + 1) / 100) * max(0.02, 1 - step / steps))
        picks = torch.randint(len(small), (_BATCH,), generator=generator)
        return labels.loss(judge(_roughen(_floats(small[picks.numpy()]), generator)), truth[picks])

    judge.train()
    stage.run(steps, loss)


def _roughen(small: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Blur half of the pictures and add noise to all, as an autoencoder might."""
    blurred = interpolate(avg_pool2d(small, 2), scale_factor=2.0, mode="bilinear")
    chosen = torch.rand(len(small), 1, 1, 1, generator=generator) < 0.5
    return torch.where(chosen, blurred, small) + 0.03 * torch.randn(
        small.shape, generator=generator
    )


Scores = dict[str, float]


def score(seen: torch.Tensor, asked: list[Scene]) -> Scores:
    """The share of right answers by attribute.

    Kind, color and side count every group asked for: an object that is absent has neither color nor side, and counts
    as wrong. `count` also asks for the right number. `three` is the share of pictures with objects that have the place
    and all of their objects' kinds and colors right; `whole` the share where everything asked for is right.
    """
    truth = torch.tensor([labels.answers(scene) for scene in asked])
    right = {name: (seen == truth)[:, i].numpy() for i, name in enumerate(labels.QUESTIONS)}
    counts = {
        kind: seen[:, list(labels.QUESTIONS).index(f"count:{kind}")].numpy() for kind in scenes.Kind
    }
    by_group: dict[str, list[bool]] = {"kind": [], "colour": [], "count": [], "side": []}
    three, whole = [], []
    for number, scene in enumerate(asked):
        marks = [_marks(group, number, right, counts) for group in scene.groups]
        for name, found in by_group.items():
            found += [mark[name] for mark in marks]
        setting = all(right[name][number] for name in ("time", "light", "place"))
        if marks:
            three.append(
                bool(right["place"][number])
                and all(mark["kind"] and mark["colour"] for mark in marks)
            )
        whole.append(setting and all(all(mark.values()) for mark in marks))
    shares = {name: float(right[name].mean()) for name in ("time", "light", "place")}
    return shares | {
        name: float(np.mean(found))
        for name, found in (by_group | {"three": three, "whole": whole}).items()
    }


def _marks(
    group: scenes.Group,
    number: int,
    right: dict[str, NDArray[np.bool_]],
    counts: dict[scenes.Kind, NDArray[np.int64]],
) -> dict[str, bool]:
    present = bool(counts[group.kind][number] > 0)
    return {
        "kind": present,
        "colour": present and bool(right[f"colour:{group.kind}"][number]),
        "count": present and bool(right[f"count:{group.kind}"][number]),
        "side": present and bool(right[f"side:{group.kind}"][number]),
    }
