"""Toy checkpoints of every family, in a folder and in the catalogue of this process."""

import shutil
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from generation.engine.request import GenerationRequest
from tests.bench.site import session
from tests.bench.wishes import PROMPTS
from tests.engine import toy_checkpoints
from tests.engine.driving import a_request
from tests.engine.toy_checkpoints import TOYS

# One of each family that can be asked for a picture without having one.
SIDE = 32
FAMILIES = {"sd1": "toy", "sd2": "toy-sd2", "sdxl": "toy-xl", "sd3": "toy-sd3"}


@cache
def toy_root() -> Path:
    """The folder that holds them, written at the first call."""
    root = Path(tempfile.mkdtemp(prefix="sdsite-bench-toys-"))
    session.callback(shutil.rmtree, root, ignore_errors=True)
    toy_checkpoints.write_all(root)
    toy_checkpoints.add_to_catalogue()
    return root


def toy_wishes(id: str, count: int, **changes: Any) -> list[GenerationRequest]:
    """Requests of SIDE pixels and 20 steps, with the checkpoint's own noise scheduler."""
    values: dict[str, Any] = {
        "checkpoint": id,
        "width": SIDE,
        "height": SIDE,
        "num_inference_steps": 20,
        "noise_scheduler": TOYS[id].checkpoint.noise_scheduler,
    }
    return [
        a_request(**values | {"prompt": PROMPTS[number % len(PROMPTS)], "seed": number} | changes)
        for number in range(count)
    ]
