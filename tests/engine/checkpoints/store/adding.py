"""Checkpoints as an operator adds them, and pictures that they draw."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from PIL import Image

from generation.engine.checkpoints import catalogue
from generation.engine.checkpoints.store import importing
from generation.engine.checkpoints.store.importing import ImportOptions
from generation.engine.enums import Family, Mode, NoiseScheduler
from generation.engine.loading.loader import Loader
from generation.engine.loop.engine import Engine
from tests.engine.cases import inputs_of, request_for
from tests.engine.driving import run_to_the_end, the_finished


def add(
    path: Path, root: Path, *, say: Callable[[str], object] = lambda _: None, **wanted: Any
) -> Any:
    """Add a checkpoint; `say` gets what the operator is told."""
    return importing.add(path, ImportOptions(**wanted), root=root, say=say)


def draw(root: Path, id: str) -> Image.Image:
    """A picture in the first mode that the checkpoint has."""
    checkpoint = catalogue.get(id)
    mode = checkpoint.first_mode
    scheduler = NoiseScheduler.EULER if checkpoint.family is Family.SD3 else NoiseScheduler.DDIM
    side = checkpoint.min_size
    options: Mapping[str, object] = {"width": side, "height": side, "strength": 1.0}
    if mode is Mode.TEXT_TO_IMAGE:
        options = {"width": side, "height": side}
    request = request_for(id, mode, scheduler, options, num_inference_steps=2)
    loader = Loader(root)
    engine = Engine(loader=loader)
    engine.submit(request, key="run", inputs=inputs_of(request))
    (image,) = the_finished(run_to_the_end(engine), key="run").images
    loader.close()
    return image
