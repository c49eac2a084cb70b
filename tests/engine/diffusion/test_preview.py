"""A preview shows what the picture will be."""

import numpy as np
import pytest
import torch
from PIL import Image

from generation.engine.diffusion.preview import Projection, to_images
from generation.engine.enums import NoiseScheduler
from generation.engine.events import Previewed
from generation.engine.loading.loader import Loader
from generation.engine.loop.engine import Engine
from tests.engine.driving import a_request, of_kind, run_to_the_end, the_finished


def pixels(image: Image.Image, *, side: int) -> np.ndarray:
    return np.asarray(image.resize((side, side), Image.Resampling.BOX), dtype=float)


@pytest.mark.parametrize("noise_scheduler", NoiseScheduler)
def test_the_last_preview_resembles_the_picture(
    loader: Loader, noise_scheduler: NoiseScheduler
) -> None:
    engine = Engine(loader=loader, preview_interval=0)
    request = a_request(
        checkpoint="sketchbook",
        prompt="a house by the sea at night",
        width=256,
        height=256,
        num_inference_steps=20,
        noise_scheduler=noise_scheduler,
    )

    engine.submit(request, key="run", wants_preview=lambda: True)
    events = run_to_the_end(engine)

    last = pixels(of_kind(events, Previewed)[-1].image, side=8)
    picture = pixels(the_finished(events, key="run").images[0], side=8)
    assert np.corrcoef(last.flatten(), picture.flatten())[0, 1] > 0.9


@pytest.mark.parametrize(
    ("cells", "size"),
    [((8, 8), (128, 128)), ((48, 32), (128, 192)), ((64, 128), (256, 128)), ((16, 8), (64, 128))],
)
def test_previews_are_small(cells: tuple[int, int], size: tuple[int, int]) -> None:
    projection = Projection(torch.zeros(48, 4, 3, 3), torch.zeros(48))

    (image,) = projection(torch.zeros(1, 4, *cells))

    assert image is not None and image.size == size


def test_pictures_that_are_not_finite_are_none() -> None:
    pixels = torch.full((3, 3, 2, 2), 0.5)
    pixels[1, 2, 0, 1] = float("nan")
    pixels[2, 0, 1, 1] = float("inf")

    first, second, third = to_images(pixels)

    assert first is not None and first.getpixel((0, 0)) == (128, 128, 128)
    assert second is None and third is None
