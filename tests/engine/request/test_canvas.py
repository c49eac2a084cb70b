"""Painting stays inside the mask, and outpainting keeps the original's pixels."""

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from generation.engine.enums import Mode
from generation.engine.request import canvas
from tests.engine.cases import digest
from tests.engine.driving import a_request

SIZE = (64, 64)


def noise(seed: int, size: tuple[int, int] = SIZE) -> Image.Image:
    rng = np.random.default_rng(seed)
    return Image.fromarray(rng.integers(0, 256, (size[1], size[0], 3), dtype=np.uint8))


def masked() -> Image.Image:
    mask = Image.new("L", SIZE)
    ImageDraw.Draw(mask).rectangle((16, 16, 47, 47), fill=255)
    return mask


def an_inpainting(**values):
    return a_request(
        mode=Mode.INPAINT, image=digest("image"), mask=digest("mask"), width=64, height=64, **values
    )


def an_outpainting(**values):
    return a_request(mode=Mode.OUTPAINT, image=digest("image"), width=96, height=80, **values)


def test_outside_the_mask_every_pixel_is_the_originals():
    original, painted = noise(1), noise(2)
    inputs = {"image": original, "mask": masked()}

    result = np.asarray(canvas.put_back(painted, an_inpainting(), inputs))

    outside = np.asarray(masked()) == 0
    assert np.array_equal(result[outside], np.asarray(original)[outside])


def test_well_inside_the_mask_every_pixel_is_painted():
    painted = noise(2)
    inputs = {"image": noise(1), "mask": masked()}

    result = np.asarray(canvas.put_back(painted, an_inpainting(), inputs))

    assert np.array_equal(result[24:40, 24:40], np.asarray(painted)[24:40, 24:40])


def test_a_soft_edge_fades_as_far_as_it_is_soft():
    black, white = Image.new("RGB", SIZE), Image.new("RGB", SIZE, "white")
    soft = masked().filter(ImageFilter.GaussianBlur(6))

    hard_row, soft_row = (
        np.asarray(canvas.put_back(white, an_inpainting(), {"image": black, "mask": mask}))[
            32, :, 0
        ]
        for mask in (masked(), soft)
    )

    assert soft_row[np.asarray(soft)[32] < 128].max() == 0
    assert soft_row[30:34].min() > 200
    assert ((soft_row > 8) & (soft_row < 200)).sum() > ((hard_row > 8) & (hard_row < 200)).sum() + 4


def test_a_mask_of_another_size_is_fitted():
    request = an_inpainting()

    picture, mask = canvas.prepared(request, {"image": noise(1, (32, 48)), "mask": masked()})

    assert picture.size == mask.size == SIZE


def test_outpainting_keeps_the_picture_in_its_place():
    request = an_outpainting(padding=(32, 0, 0, 16))
    original = noise(1)

    extended, mask = canvas.prepared(request, {"image": original})

    assert extended.size == (96, 80)
    assert np.array_equal(np.asarray(extended)[:64, 32:], np.asarray(original))
    assert np.asarray(mask)[:60, 36:].max() == 0
    assert np.asarray(mask)[:, :32].min() == 255
    assert np.asarray(mask)[64:, :].min() == 255


def test_after_outpainting_the_pictures_middle_is_untouched():
    request = an_outpainting(padding=(32, 0, 0, 16))
    original = noise(1)

    result = np.asarray(canvas.put_back(noise(2, (96, 80)), request, {"image": original}))

    assert np.array_equal(result[:60, 36:], np.asarray(original)[:60, 4:])
