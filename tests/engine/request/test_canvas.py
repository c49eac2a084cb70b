"""Painting stays inside the mask, and outpainting keeps the original's pixels."""

import numpy as np
import pytest
from diffusers.image_processor import VaeImageProcessor
from PIL import Image, ImageDraw, ImageFilter

from generation.engine.enums import Mode
from generation.engine.request import canvas
from generation.engine.request.crop_region import crop_region, shortened
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


def test_what_is_hidden_under_transparency_is_white():
    hidden = Image.new("RGBA", (2, 1), (255, 0, 0, 0))
    hidden.putpixel((1, 0), (255, 0, 0, 255))

    shown = canvas.opaque(hidden)

    assert [shown.getpixel((x, 0)) for x in (0, 1)] == [(255, 255, 255), (255, 0, 0)]


def test_a_half_transparent_pixel_is_half_white():
    assert canvas.opaque(Image.new("RGBA", (1, 1), (0, 0, 0, 128))).getpixel((0, 0)) == (127,) * 3


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_a_mask_with_transparency_is_its_alpha(mode):
    mask = Image.new(mode, (2, 1), "white")
    mask.putalpha(Image.frombytes("L", (2, 1), bytes([0, 200])))

    assert canvas.levels(mask).tobytes() == bytes([0, 200])


def test_a_mask_that_is_opaque_is_its_color():
    mask = Image.new("RGBA", (2, 1), "black")
    mask.putpixel((1, 0), (255, 255, 255, 255))

    assert canvas.levels(mask).convert("L").tobytes() == bytes([0, 255])


def a_small_mask(size: tuple[int, int], box: tuple[int, int, int, int]) -> Image.Image:
    mask = Image.new("L", size)
    mask.paste(255, box)
    return mask


@pytest.mark.parametrize("padding", [0, 5, 40])
@pytest.mark.parametrize("size", [(64, 64), (96, 32), (32, 80)])
@pytest.mark.parametrize("box", [(10, 20, 30, 25), (0, 0, 5, 60), (90, 50, 100, 70), (3, 3, 4, 4)])
def test_the_part_around_a_mask_is_that_of_diffusers(box, size, padding):
    mask = a_small_mask((100, 70), box)

    found = crop_region(mask, aspect=size[0] / size[1], padding=padding)

    assert found == VaeImageProcessor.get_crop_region(mask, *size, pad=padding)


@pytest.mark.parametrize("size", [(2_000, 2), (2, 2_000), (2_001, 1), (3, 3_000)])
def test_a_long_thin_picture_is_painted_in_its_middle(size):
    inputs = {"image": noise(1, size), "mask": Image.new("L", size, 255)}
    request = an_inpainting(only_masked=True)

    own = canvas.prepared(request, inputs)
    part = VaeImageProcessor().resize(own.picture.crop(own.box), 64, 64, resize_mode="fill")
    whole = canvas.put_back(noise(2), request, inputs)

    assert part.size == SIZE
    assert whole.size == size
    assert sum(own.box[::2]) == pytest.approx(size[0], abs=1)
    assert sum(own.box[1::2]) == pytest.approx(size[1], abs=1)


def test_boxes_that_fit_stay():
    box = (10, 20, 522, 21)

    assert shortened(box, width=512, height=64) == box
    assert shortened(box, width=64, height=64) == (234, 20, 298, 21)


def test_an_empty_mask_has_no_part_around_it():
    assert crop_region(Image.new("L", SIZE), aspect=1.0, padding=8) is None


def test_a_painted_part_goes_back_into_its_place_in_the_whole_picture():
    original = noise(1, (200, 150))
    mask = a_small_mask((200, 150), (100, 40, 140, 80))
    request = an_inpainting(only_masked=True, mask_padding=10)

    result = canvas.put_back(
        Image.new("RGB", SIZE, "red"), request, {"image": original, "mask": mask}
    )

    assert result.size == (200, 150)
    before, after = np.asarray(original), np.asarray(result)
    outside = np.asarray(mask) == 0
    assert np.array_equal(after[outside], before[outside])
    assert (after[50:70, 110:130] == (255, 0, 0)).all()


def test_a_small_hole_in_a_large_picture_is_painted_to_its_edge():
    original = noise(1, (1200, 900))
    mask = a_small_mask((1200, 900), (600, 400, 612, 412))
    request = an_inpainting(only_masked=True, mask_padding=4)

    result = canvas.put_back(
        Image.new("RGB", SIZE, "red"), request, {"image": original, "mask": mask}
    )

    assert (np.asarray(result)[403:409, 603:609] == (255, 0, 0)).all()


def test_a_blurred_mask_shows_all_that_was_repainted_and_fades_around_it():
    black, white = Image.new("RGB", SIZE), Image.new("RGB", SIZE, "white")
    inputs = {"image": black, "mask": masked()}

    row = np.asarray(canvas.put_back(white, an_inpainting(mask_blur=4), inputs))[32, :, 0]

    blurred = np.asarray(masked().filter(ImageFilter.GaussianBlur(4)))[32].astype(int)
    assert np.array_equal(row, np.minimum(2 * blurred, 255))
    assert 0 < row[12] < 255 and row[17] == 255


def test_a_filled_hole_has_the_colors_around_it():
    picture = Image.new("RGB", SIZE, "green")
    picture.paste((255, 0, 0), (16, 16, 48, 48))

    filled = np.asarray(canvas.filled(picture, masked()))

    assert np.array_equal(filled[:, :10], np.asarray(picture)[:, :10])
    assert filled[32, 32, 1] > 100 and filled[32, 32, 0] < 40


def test_outpainting_keeps_the_picture_in_its_place():
    request = an_outpainting(padding=(32, 0, 0, 16))
    original = noise(1)

    own = canvas.prepared(request, {"image": original})
    extended, mask = own.picture, own.mask

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
