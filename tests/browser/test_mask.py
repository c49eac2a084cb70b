"""The mask painter with mouse, pen, touch and keyboard."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser import studio
from tests.browser.studio import DESK, HAND, Finger, Mouse, within
from tests.running import wait_for

# Shares of the image that the mask covers fully, and in part by its feathered edge.
COVERED = """(canvas) => {
  const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext("2d", { willReadFrequently: true });
  copy.drawImage(canvas, 0, 0);
  const { data } = copy.getImageData(0, 0, canvas.width, canvas.height);
  const alphas = data.filter((_, index) => index % 4 === 3);
  const share = (low, high) => alphas.filter((alpha) => alpha >= low && alpha <= high).length / alphas.length;
  return { whole: share(135, 255), part: share(8, 120) };
}"""


@pytest.fixture(scope="module")
def account(accounts):
    return accounts.state("masks@example.com")


@pytest.fixture(scope="module")
def source():
    return studio.png(studio.picture((120, 80)))


@pytest.fixture
def painting(open_page, account, source):
    """Opens the studio with an image to paint on; returns page and canvas."""

    def painting(**options):
        page = open_page(storage_state=account, **(options or DESK))
        studio.start(page, "Part of a picture")
        studio.choose(page, source)
        studio.expect_picture(page)
        return page, page.get_by_role("application", name=re.compile("^Mask"))

    return painting


def covered(canvas):
    return canvas.evaluate(COVERED)["whole"]


def soft(canvas):
    return canvas.evaluate(COVERED)["part"]


def press(page, name):
    page.get_by_role("toolbar", name="Mask").get_by_role("button", name=name).click()


@pytest.mark.parametrize(
    ("pointer", "screen"),
    [
        pytest.param(Mouse, DESK, id="mouse"),
        pytest.param(lambda page: Mouse(page, "pen"), DESK, id="pen"),
        pytest.param(Finger, HAND, id="finger"),
    ],
)
def test_a_stroke_covers_what_it_goes_over(painting, pointer, screen):
    page, canvas = painting(**screen)
    scrolled = page.evaluate("scrollY")

    pointer(page).drag(*(within(canvas, across, 0.5) for across in (0.2, 0.5, 0.8)))

    assert 0.15 < covered(canvas) < 0.35
    assert page.evaluate("scrollY") >= scrolled, "the finger scrolled instead"


def test_keys_paint_and_take_back(painting):
    page, canvas = painting()
    canvas.focus()

    page.keyboard.press("Space")
    dot = covered(canvas)
    page.keyboard.down("Space")
    for _ in range(4):
        page.keyboard.press("ArrowRight")
    page.keyboard.up("Space")
    line = covered(canvas)
    page.keyboard.press("ArrowDown")
    moved = covered(canvas)
    page.keyboard.press("u")
    back = covered(canvas)

    assert 0 < 1.8 * dot < line
    assert moved == pytest.approx(line, abs=0.02)
    assert back == pytest.approx(dot, abs=0.02)


def test_keys_erase(painting):
    page, canvas = painting()
    press(page, "Invert")
    canvas.focus()

    page.keyboard.press("e")
    expect(page.get_by_role("button", name="Erase")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("Space")

    assert 0.8 < covered(canvas) < 0.99


def test_the_tools_change_the_mask(painting):
    page, canvas = painting()
    Mouse(page).drag(within(canvas, 0.2, 0.5), within(canvas, 0.8, 0.5))
    painted = covered(canvas)

    press(page, "Invert")
    assert covered(canvas) == pytest.approx(1 - painted, abs=0.02)
    press(page, "Take back")
    assert covered(canvas) == pytest.approx(painted, abs=0.02)
    press(page, "Erase")
    Mouse(page).drag(within(canvas, 0.5, 0.5), within(canvas, 0.8, 0.5))
    erased = covered(canvas)
    assert 0 < erased < 0.75 * painted
    press(page, "Clear")
    assert covered(canvas) == 0
    press(page, "Take back")
    assert covered(canvas) == pytest.approx(erased, abs=0.02)


def test_a_wider_brush_covers_more_and_a_soft_edge_fades(painting):
    page, canvas = painting()
    page.get_by_role("slider", name="Brush").fill("30")
    Mouse(page).drag(within(canvas, 0.5, 0.5), within(canvas, 0.5, 0.5))
    wide, hard = covered(canvas), soft(canvas)

    page.get_by_label("Soft edge").fill("10")

    assert wide > 0.15
    assert soft(canvas) > hard + 0.1


def test_another_picture_starts_without_a_mask(painting):
    page, canvas = painting()
    press(page, "Invert")
    assert covered(canvas) == 1

    studio.choose(page, studio.png(studio.picture((64, 64))))

    expect(page.locator("[data-picture=image] [data-shown]")).to_have_js_property(
        "naturalWidth", 64
    )
    assert covered(canvas) == 0
    expect(page.locator("[name=mask]")).to_have_value("")


def test_a_mask_comes_back_with_the_form(painting):
    page, canvas = painting()
    page.get_by_text("More settings").click()
    Mouse(page).drag(within(canvas, 0.2, 0.5), within(canvas, 0.8, 0.5))
    painted = covered(canvas)
    page.get_by_label("Steps", exact=True).fill("151")

    page.get_by_role("button", name=studio.MAKE).click()

    expect(page.get_by_label("Steps", exact=True)).to_have_attribute("aria-invalid", "true")
    studio.expect_picture(page)
    wait_for(lambda: covered(canvas) > 0)
    assert covered(canvas) == pytest.approx(painted, abs=0.02)


def test_a_second_finger_draws_no_line(painting):
    page, canvas = painting(**HAND)
    cdp = page.context.new_cdp_session(page)
    first, second = (dict(zip("xy", within(canvas, at, at), strict=True)) for at in (0.15, 0.85))
    for kind, touches in (
        ("touchStart", [first | {"id": 1}]),
        ("touchStart", [first | {"id": 1}, second | {"id": 2}]),
        ("touchMove", [first | {"id": 1}, second | {"id": 2, "x": second["x"] - 5}]),
        ("touchEnd", []),
    ):
        cdp.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": touches})

    assert 0 < covered(canvas) < 0.05


def test_the_mask_of_a_large_picture_is_no_larger_than_a_phone_can_undo(painting):
    page, canvas = painting(**HAND)
    studio.choose(page, studio.png(studio.picture((2048, 1024))))
    expect(page.locator("[data-picture=image] [data-shown]")).to_have_js_property(
        "naturalWidth", 2048
    )

    Finger(page).drag(within(canvas, 0.5, 0.5), within(canvas, 0.5, 0.5))

    assert canvas.evaluate("each => [each.width, each.height]") == [1024, 512]
    assert covered(canvas) > 0
