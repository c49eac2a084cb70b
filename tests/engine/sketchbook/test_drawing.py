"""The bundled checkpoint's images follow their prompts."""

import numpy as np
from PIL import Image

from generation.engine.enums import Mode
from generation.engine.loop.engine import Engine
from generation.engine.request import canvas
from tests.engine.cases import a_request, digest
from tests.engine.driving import run_to_the_end, the_finished

SIZE = 256


def draw(loader, *, inputs=None, **values):
    engine = Engine(loader=loader)
    request = a_request(
        checkpoint="sketchbook", width=SIZE, height=SIZE, num_inference_steps=20, **values
    )
    engine.submit(request, key="run", inputs=inputs or {})
    image = the_finished(run_to_the_end(engine), key="run").images[0]
    return request, image


def pixels(image):
    return np.asarray(image.convert("RGB"), dtype=float)


def redness(image):
    red, _green, blue = pixels(image).mean(axis=(0, 1))
    return red - blue


def test_a_red_house_is_redder_than_a_blue_house(loader):
    _, red = draw(loader, prompt="a red house in a field during the day")
    _, blue = draw(loader, prompt="a blue house in a field during the day")

    assert redness(red) > redness(blue)


def test_image_to_image_stays_as_near_its_source_as_asked(loader):
    _, source = draw(loader, prompt="a red house in a field during the day")

    def distance(strength):
        """Return the mean distance of a new image from its source, in levels of 256."""
        _, image = draw(
            loader,
            prompt="a house in a field with clouds",
            mode=Mode.IMAGE_TO_IMAGE,
            image=digest("image"),
            strength=strength,
            guidance_scale=3.0,
            inputs={"image": source},
        )
        return np.abs(pixels(image) - pixels(source)).mean()

    near, far = distance(0.2), distance(0.8)
    assert near < 8
    assert far > 1.5 * near


def test_inpainting_leaves_what_the_mask_does_not_cover(loader):
    _, source = draw(loader, prompt="a red house in a field during the day")
    mask = Image.new("L", (SIZE, SIZE), 0)
    mask.paste(255, (128, 64, 256, 256))
    inputs = {"image": source, "mask": mask}

    request, drawn = draw(
        loader,
        prompt="a yellow car in a field during the day",
        mode=Mode.INPAINT,
        image=digest("image"),
        mask=digest("mask"),
        inputs=inputs,
    )

    result = pixels(canvas.put_back(drawn, request, inputs))
    assert np.array_equal(result[:, :96], pixels(source)[:, :96])
    assert not np.array_equal(result[:, 160:], pixels(source)[:, 160:])
