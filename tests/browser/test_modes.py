"""Every mode from input image to result, on a desktop and on a phone."""

import re
import shutil
from io import BytesIO

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from generation.engine.checkpoints.store import descriptor
from tests.browser import studio
from tests.browser.findings import OVERFLOW
from tests.browser.studio import DESK, HAND, Finger, Mouse
from tests.running import wait_for

TOYS = ("toy-depth", "toy-upscaler")


@pytest.fixture(scope="module")
def account(accounts):
    return accounts.state("modes@example.com", pictures=1, plan="premium")


@pytest.fixture(scope="module")
def toys(site):
    """Checkpoints of the kinds that the bundled one does not cover."""
    from tests.engine.toy_checkpoints import TOYS as RECIPES  # noqa: PLC0415  # slow import: tests
    from tests.engine.toy_checkpoints import write  # noqa: PLC0415  # slow import: tests

    root = site.data / "checkpoints"
    for id in TOYS:
        write(RECIPES[id], root / id)
        descriptor.write(RECIPES[id].checkpoint, root / id)
    wait_for(lambda: all(id in site.get("/models/").read().decode() for id in TOYS))
    yield
    for id in TOYS:
        shutil.rmtree(root / id)


@pytest.fixture(params=[DESK, HAND], ids=["desktop", "phone"])
def page(request, open_page, account):
    return open_page(storage_state=account, **request.param)


@pytest.fixture
def desk(open_page, account):
    return open_page(storage_state=account, **DESK)


@pytest.fixture
def pointer(page):
    return Finger(page) if page.viewport_size == HAND["viewport"] else Mouse(page)


def array(image):
    return np.asarray(image.convert("RGB"), dtype=int)


def test_a_picture_becomes_another(page):
    source = studio.picture((96, 64))
    studio.start(page, "A picture")
    studio.choose(page, studio.png(source))
    studio.expect_picture(page)
    assert page.evaluate(OVERFLOW) <= 0
    page.get_by_role("slider", name="Strength").fill("0.75")

    studio.make(page, "a red house")

    assert studio.fact(page, "Mode") == "Image to image"
    assert studio.fact(page, "Strength") == "0.75"
    assert np.array_equal(array(studio.made_from(page, "Picture")), array(source))
    made = studio.download(page)
    assert made.width / made.height == pytest.approx(1.5, rel=0.1)
    assert not np.array_equal(array(made), array(source.resize(made.size)))


@pytest.mark.parametrize("bring", ["drop", "paste"])
def test_a_picture_is_brought_by_dropping_and_by_pasting_it(desk, bring):
    studio.start(desk, "A picture")
    content = studio.png(studio.picture((80, 40)))

    if bring == "drop":
        studio.drop(desk, "[data-picture=image]", content)
    else:
        studio.paste(desk, content)

    shown = studio.expect_picture(desk)
    assert shown.evaluate("each => [each.naturalWidth, each.naturalHeight]") == [80, 40]
    expect(desk.get_by_label("As the picture")).to_be_checked()


def test_a_large_photo_is_made_smaller_and_upright_before_it_is_sent(desk):
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by 90 degrees
    photo = Image.new("L", (5_712, 4_284), 110)
    photo.paste(240, (0, 0, 5_712, 2_142))
    buffer = BytesIO()
    photo.save(buffer, "JPEG", exif=exif)
    studio.start(desk, "A picture")

    # A browser without a GPU takes seconds to draw it.
    with desk.expect_response("**/uploads/", timeout=120_000):
        studio.choose(desk, buffer.getvalue(), kind="image/jpeg")

    shown = studio.expect_picture(desk)
    # The server would have halved the sides.
    assert shown.evaluate("each => [each.naturalWidth, each.naturalHeight]") == [3_072, 4_096]
    stored = studio.stored(desk, shown)
    assert stored.getpixel((3_000, 100))[0] == pytest.approx(240, abs=6)
    assert stored.getpixel((100, 4_000))[0] == pytest.approx(110, abs=6)


def test_the_form_waits_for_its_picture(desk):
    held = []

    def hold(route):
        held.append(route)

    desk.route("**/uploads/", hold)
    studio.start(desk, "A picture")
    desk.get_by_label("What should the picture show?").fill("a red house")
    with desk.expect_request("**/uploads/"):
        studio.choose(desk, studio.png(studio.picture((64, 64))))
    button = desk.get_by_role("button", name=studio.MAKE)

    button.click()
    expect(button).to_have_attribute("aria-busy", "true")
    held.pop().continue_()

    desk.wait_for_url("**/studio/?job=*")


def test_what_is_no_picture_is_refused_beside_the_field(chromium, site, account):
    # Not by `open_page`: the console logs the refusal as an error.
    with chromium.new_context(base_url=site.url, storage_state=account, **DESK) as context:
        page = context.new_page()
        studio.start(page, "A picture")

        studio.choose(page, b"no picture")

        expect(page.get_by_text("Use a PNG, JPEG, WebP, AVIF or HEIC picture.")).to_be_visible()
        expect(page.locator("[data-picture=image] [data-board]")).to_be_hidden()


def test_only_what_is_painted_is_drawn_anew(page, pointer):
    source = studio.picture()
    studio.start(page, "Part of a picture")
    studio.choose(page, studio.png(source))
    studio.expect_picture(page)
    canvas = page.get_by_role("application", name=re.compile("^Mask"))
    pointer.drag(*(studio.within(canvas, across, 0.5) for across in (0.3, 0.4, 0.5, 0.6)))
    page.get_by_label("Soft edge").fill("4")

    studio.make(page, "a red house")

    assert studio.fact(page, "Mode") == "Inpainting"
    mask = np.asarray(studio.made_from(page, "Mask").convert("L").resize(source.size))
    assert len(np.unique(mask)) > 20, "no soft edge"
    made, before = array(studio.download(page)), array(source)
    assert np.array_equal(made[mask < 128], before[mask < 128])
    assert 0.05 < (mask >= 128).mean() < 0.5
    assert np.abs(made - before)[mask > 250].mean() > 5


def test_nothing_painted_is_nothing_to_draw(desk):
    studio.start(desk, "Part of a picture")
    studio.choose(desk, studio.png(studio.picture((64, 64))))
    studio.expect_picture(desk)

    expect(desk.get_by_text("Add a mask: paint over what is to be drawn anew.")).to_be_visible()
    desk.get_by_role("button", name=studio.MAKE).click()

    told = desk.locator("[data-mask-tools] .errorlist", has_text="Add a mask")
    expect(told.first).to_be_visible()


def test_a_picture_grows_where_its_edge_is_dragged(page, pointer):
    source = studio.picture()
    studio.start(page, "Beyond its edges")
    studio.choose(page, studio.png(source))
    shown = studio.expect_picture(page)
    handle = page.locator("[data-side=right]")
    x, y = studio.within(handle, 0.5, 0.5)
    quarter = shown.bounding_box()["width"] / 4
    pointer.drag(*((x + share * quarter, y) for share in (0, 0.5, 1)))
    expect(page.get_by_label("Right", exact=True)).to_have_value("64")
    page.get_by_label("Above", exact=True).fill("32")
    expect(page.locator("[data-quote-size]")).to_have_text("320 × 288")

    studio.make(page, "a red house")

    assert studio.fact(page, "Mode") == "Outpainting"
    assert studio.fact(page, "Room added") == "left 0, above 32, right 64, below 0"
    made, before = array(studio.download(page)), array(source)
    assert made.shape == (288, 320, 3)
    # Outpainting also repaints a strip of the original along the joined edges.
    assert np.array_equal(made[32 + 16 :, : 256 - 16], before[16:, : 256 - 16])
    assert not np.array_equal(made[32:, 256:], np.repeat(before[:, -1:], 64, axis=1))


def test_a_variation_starts_from_the_picture(page):
    page.goto("/gallery/")
    page.locator("[data-image] a").last.click()
    source = studio.download(page)

    page.get_by_role("link", name="Variation").click()
    studio.expect_picture(page)
    studio.make(page, "a blue boat")

    assert studio.fact(page, "Mode") == "Image to image"
    assert np.array_equal(array(studio.made_from(page, "Picture")), array(source))
    assert not np.array_equal(array(studio.download(page)), array(source))


@pytest.mark.usefixtures("toys")
def test_a_picture_is_drawn_over_the_depth_of_another(desk):
    desk.goto("/studio/")
    studio.choose_model(desk, "Toy-depth")
    studio.choose(desk, studio.png(studio.picture((64, 64))))
    studio.expect_picture(desk)
    desk.get_by_text("Use a depth map of my own").click()
    near = Image.linear_gradient("L").resize((64, 64))
    studio.choose(desk, studio.png(near), field="Drop or choose a depth map: lighter is nearer")
    expect(desk.get_by_alt_text("The depth map")).to_be_visible()

    studio.make(desk, "a house")

    assert studio.fact(desk, "Mode") == "Depth to image"
    assert studio.fact(desk, "Strength") == "0.9"
    assert np.array_equal(array(studio.made_from(desk, "Depth map")), array(near))
    assert studio.download(desk).size == (32, 32)


@pytest.mark.usefixtures("toys")
def test_a_picture_is_enlarged(page):
    page.goto("/studio/")
    studio.choose_model(page, "Toy-upscaler")
    studio.choose(page, studio.png(studio.picture((64, 32))))
    studio.expect_picture(page)
    expect(page.locator("[data-quote-size]")).to_have_text("256 × 128")
    page.get_by_label("Noise level").fill("10")

    studio.make(page, "a house", steps=2)

    assert studio.fact(page, "Mode") == "Upscaling"
    assert studio.fact(page, "Noise level") == "10"
    assert studio.download(page).size == (256, 128)
    page.get_by_role("link", name="Variation").click()
    expect(page.locator("[data-model-name]")).to_have_text("Sketchbook")
