"""An image of 512 pixels enlarged to 2048 in tiles."""

from collections.abc import Iterator

from PIL import Image

from generation.engine.loading.loader import Loader
from generation.engine.loop.engine import Engine
from tests.bench.figures import Figure, measures
from tests.bench.toys import toy_root
from tests.bench.trials import timed
from tests.engine.upscaling import enlarge, seam

SIDE = 2048


@measures("upscale")
def upscale() -> Iterator[Figure]:
    """One step of the toy upscaler, its decoding and its seams, across and down."""
    images: list[Image.Image] = []
    engine = Engine(loader=Loader(toy_root()))
    seconds = timed(lambda: images.append(enlarge(engine, width=SIDE, height=SIDE, steps=1)))
    turned = images[0].transpose(Image.Transpose.TRANSPOSE)
    assert images[0].size == (SIDE, SIDE)
    yield Figure(name="upscale_2048px", value=seconds, unit="s", goal="no goal")
    yield Figure(
        name="upscale_seam",
        value=max(seam(images[0]), seam(turned)),
        unit="of what one column in a hundred exceeds",
        goal="<= 1.1",
    )
