"""Pictures enlarged by the toy upscaler, and whether one sees where their tiles meet."""

import torch
from PIL import Image

from generation.engine.enums import ENLARGEMENT, Mode
from generation.engine.loop.engine import Engine
from generation.engine.request import tiles
from tests.engine.cases import digest, picture
from tests.engine.driving import a_request, run_to_the_end, the_finished


def enlarge(engine: Engine, *, width: int, height: int, steps: int) -> Image.Image:
    """Make a picture of this size from one of a quarter of it."""
    request = a_request(
        checkpoint="toy-upscaler",
        mode=Mode.UPSCALE,
        image=digest("image"),
        width=width,
        height=height,
        num_inference_steps=steps,
        guidance_scale=1.0,
    )
    size = (width // ENLARGEMENT, height // ENLARGEMENT)
    source = picture("image").resize((64, 16)).resize(size, Image.Resampling.BICUBIC)
    engine.submit(request, key="run", inputs={"image": source})
    (image,) = the_finished(run_to_the_end(engine), key="run").images
    return image


def seam(image: Image.Image) -> float:
    """The largest difference of neighboring columns where a tile begins, over what hardly any column exceeds.

    One level is added to both: in a smooth picture anything would be many times nothing.
    """
    pixels = torch.tensor(list(image.convert("L").tobytes())).float()
    columns = pixels.view(image.height, image.width).diff(dim=1).abs().mean(dim=0)
    starts = tiles.starts(image.width // ENLARGEMENT)[1:]
    seams = columns[[ENLARGEMENT * start - 1 for start in starts]]
    return float((seams.max() + 1) / (columns.quantile(0.99) + 1))
