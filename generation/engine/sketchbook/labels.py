"""Questions about a scene, for the text encoder to answer from a caption and for the judge from an image."""

from collections.abc import Mapping

import torch
from torch.nn.functional import cross_entropy

from generation.engine.sketchbook.scenes import Color, Kind, Light, Place, Scene, Side, Time

ABSENT = -100
"""The answer to a question about an absent object: no loss, no score."""

QUESTIONS: Mapping[str, int] = {
    "time": len(Time),
    "light": len(Light),
    "place": len(Place),
    "mountains": 2,
    **{f"count:{kind}": 4 for kind in Kind},
    **{f"colour:{kind}": len(Color) for kind in Kind},
    **{f"side:{kind}": len(Side) for kind in Kind},
}
"""The number of answers of every question. `scores.json` has the names, hence their spelling."""

WIDTH = sum(QUESTIONS.values())


def answers(scene: Scene) -> list[int]:
    """Return the right answers about a scene, in the order of QUESTIONS."""
    found = dict.fromkeys(QUESTIONS, ABSENT) | {f"count:{kind}": 0 for kind in Kind}
    found["time"] = list(Time).index(scene.time)
    found["light"] = list(Light).index(scene.light)
    found["place"] = list(Place).index(scene.place)
    found["mountains"] = int(scene.mountains)
    for group in scene.groups:
        found[f"count:{group.kind}"] = group.count
        found[f"colour:{group.kind}"] = list(Color).index(group.color)
        found[f"side:{group.kind}"] = list(Side).index(group.side)
    return list(found.values())


def loss(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Return the mean cross-entropy of the answered questions; logits (batch, WIDTH), targets (batch, questions)."""
    parts = torch.split(logits.float(), list(QUESTIONS.values()), dim=1)
    losses = [
        cross_entropy(part, targets[:, i], ignore_index=ABSENT, reduction="sum")
        for i, part in enumerate(parts)
    ]
    return torch.stack(losses).sum() / len(targets)


def read(logits: torch.Tensor) -> torch.Tensor:
    """Return the likeliest answers: int64, shape (batch, questions)."""
    parts = torch.split(logits, list(QUESTIONS.values()), dim=1)
    return torch.stack([part.argmax(dim=1) for part in parts], dim=1)
