"""The gallery with mouse, keyboard and touch, and without scripts."""

import re
import zipfile
from itertools import count

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import DESKTOP, PHONE
from tests.browser.findings import OVERFLOW

DESK = {"viewport": DESKTOP}
HAND = {"viewport": PHONE, "has_touch": True, "is_mobile": True, "color_scheme": "dark"}
numbers = count()


@pytest.fixture
def gallery_of(accounts, open_page):
    """Opens the gallery of a new account with this many images."""

    def gallery_of(pictures, **options):
        email = f"painter{next(numbers)}@example.com"
        state = accounts.state(email, pictures=pictures)
        page = open_page(storage_state=state, **(options or DESK))
        # Deleting an image during the download of its thumbnail would cause a 404.
        page.goto("/gallery/", wait_until="networkidle")
        return page

    return gallery_of


def tiles(page):
    return page.locator("[data-image]")


def ticked(page):
    return page.locator(".tick:checked")


def bar(page):
    return page.get_by_role("form", name="Selected pictures")


def press(page, name):
    bar(page).get_by_role("button", name=name, exact=True).click()


def prompts(page):
    return page.locator("[data-image] img").evaluate_all("images => images.map(each => each.alt)")


def scroll_until(page, count):
    """Scroll down until this many images are loaded."""
    for _ in range(200):
        if tiles(page).count() >= count:
            return
        page.mouse.wheel(0, 3_000)
        page.wait_for_timeout(50)
    pytest.fail(f"{tiles(page).count()} of {count} pictures came")


@pytest.mark.parametrize("screen", [DESK, HAND], ids=["desktop", "phone"])
def test_it_goes_on_as_one_scrolls(gallery_of, screen):
    page = gallery_of(65, **screen)

    scroll_until(page, 65)

    assert len(set(tiles(page).evaluate_all("all => all.map(each => each.dataset.image)"))) == 65
    expect(page.locator("[data-more]")).to_have_count(0)
    expect(page.locator("[data-said]")).to_have_text("5 more pictures")
    assert page.evaluate(OVERFLOW) <= 0


def test_who_comes_back_from_a_picture_finds_the_place_again(gallery_of):
    page = gallery_of(65)
    scroll_until(page, 60)
    tile = tiles(page).nth(45)
    tile.scroll_into_view_if_needed()
    top = page.evaluate("scrollY")

    tile.get_by_role("link").click()
    page.wait_for_url("**/images/**")
    page.keyboard.press("Escape")

    page.wait_for_url("**/gallery/")
    expect(tile).to_be_in_viewport()
    assert abs(page.evaluate("scrollY") - top) < 50


def test_words_and_filters_narrow_it(gallery_of):
    page = gallery_of(15)

    page.get_by_label("Search your prompts").fill("红色")
    page.keyboard.press("Enter")
    page.wait_for_url("**q=**")
    assert set(prompts(page)) == {"红色的房子"}

    page.get_by_text("Filters", exact=True).click()
    page.get_by_label("Shape").select_option("Portrait")
    page.wait_for_url("**shape=portrait**")
    assert tiles(page).count() == 1

    page.get_by_role("link", name="Clear all").click()
    expect(tiles(page)).to_have_count(15)


def test_a_mouse_selects_one_a_range_and_all(gallery_of):
    page = gallery_of(12)

    tiles(page).nth(1).hover()
    tiles(page).nth(1).get_by_role("checkbox").click()
    expect(bar(page)).to_contain_text("1 picture selected")
    tiles(page).nth(4).get_by_role("link").click(modifiers=["Shift"])
    expect(bar(page)).to_contain_text("4 pictures selected")
    tiles(page).nth(3).get_by_role("link").click()
    expect(bar(page)).to_contain_text("3 pictures selected")
    press(page, "All")
    expect(ticked(page)).to_have_count(12)
    press(page, "Clear the selection")

    expect(bar(page)).to_be_hidden()
    assert page.url.endswith("/gallery/")


def test_keys_select_and_act(gallery_of):
    page = gallery_of(12)
    tiles(page).first.get_by_role("link").focus()

    page.keyboard.press("ArrowRight")
    page.keyboard.press("Space")
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Shift+ArrowDown")
    assert ticked(page).count() > 3
    page.keyboard.press("Escape")
    expect(ticked(page)).to_have_count(0)
    page.keyboard.press("Control+a")
    expect(ticked(page)).to_have_count(12)
    page.keyboard.press("f")

    expect(page.get_by_role("img", name="Favourite", exact=True)).to_have_count(12)
    expect(page.locator("[data-said]")).to_have_text("12 pictures are favourites now.")


def test_a_finger_that_rests_selects_and_then_a_tap_does(gallery_of):
    page = gallery_of(8, **HAND)
    box = tiles(page).nth(2).bounding_box()
    point = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}
    touch = page.context.new_cdp_session(page)

    touch.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [point]})
    expect(ticked(page)).to_have_count(1)
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    tiles(page).nth(3).get_by_role("link").tap()

    expect(ticked(page)).to_have_count(2)
    assert page.url.endswith("/gallery/")
    assert page.evaluate(OVERFLOW) <= 0


def test_deleted_pictures_come_back_where_they_were(gallery_of):
    page = gallery_of(9)
    before = tiles(page).evaluate_all("all => all.map(each => each.dataset.image)")
    for place in (0, 4, 8):
        tiles(page).nth(place).get_by_role("checkbox").check()

    press(page, "Delete")
    expect(tiles(page)).to_have_count(6)
    page.get_by_role("status").get_by_role("button", name="Undo").click()
    expect(tiles(page)).to_have_count(9)

    assert tiles(page).evaluate_all("all => all.map(each => each.dataset.image)") == before
    page.reload()
    expect(tiles(page)).to_have_count(9)


def test_the_offer_to_undo_outlasts_the_page(gallery_of):
    page = gallery_of(3)
    page.keyboard.press("Control+a")
    press(page, "Delete")
    expect(page.get_by_text("3 pictures are in the trash.")).to_be_visible()

    page.get_by_role("link", name="Trash").click()
    expect(tiles(page)).to_have_count(3)
    page.wait_for_load_state("networkidle")
    tiles(page).first.get_by_role("checkbox").check()
    press(page, "Restore")
    expect(tiles(page)).to_have_count(2)
    page.goto("/gallery/")
    page.get_by_role("button", name="Undo").click()

    expect(tiles(page)).to_have_count(3)


def test_pictures_hang_on_a_new_board_and_come_off_it(gallery_of):
    page = gallery_of(5)
    for place in (0, 2):
        tiles(page).nth(place).get_by_role("checkbox").check()

    page.get_by_text("Board", exact=True).click()
    page.get_by_label("Add to a new board").fill("Houses & more")
    press(page, "Add")
    page.get_by_role("link", name="Houses & more").click()
    expect(tiles(page)).to_have_count(2)
    tiles(page).first.get_by_role("checkbox").check()
    page.get_by_text("Board", exact=True).click()
    press(page, "Take off Houses & more")

    expect(tiles(page)).to_have_count(1)
    page.get_by_role("link", name="All pictures").click()
    expect(tiles(page)).to_have_count(5)


def test_what_is_selected_is_downloaded_as_one_file(gallery_of):
    page = gallery_of(4)
    page.keyboard.press("Control+a")

    with page.expect_download() as download:
        press(page, "Download")

    with zipfile.ZipFile(download.value.path()) as file:
        assert file.testzip() is None
        assert len(file.namelist()) == 4
    expect(ticked(page)).to_have_count(4)


@pytest.fixture
def picture(gallery_of):
    """The page of the fourth of five red houses, newest first, among other images."""
    page = gallery_of(25)
    page.goto("/gallery/?q=red+house")
    tiles(page).nth(3).get_by_role("link").click()
    page.wait_for_url("**/images/**")
    return page


def test_keys_lead_from_picture_to_picture_and_back(picture):
    page = picture
    fourth = page.url

    page.keyboard.press("ArrowRight")
    page.wait_for_url(lambda url: url != fourth)
    expect(page.get_by_role("link", name="Older picture")).to_have_count(0)
    page.keyboard.press("ArrowLeft")
    page.wait_for_url(fourth)
    page.keyboard.press("Escape")

    page.wait_for_url("**/gallery/?q=red+house")


def test_keys_make_a_favourite_download_and_delete(picture):
    page = picture
    favourite = page.get_by_role("button", name="Favourite")

    page.keyboard.press("f")
    expect(favourite).to_have_attribute("aria-pressed", "true")
    with page.expect_download() as download:
        page.keyboard.press("d")
    assert download.value.suggested_filename.endswith(".png")
    gone = page.url
    page.keyboard.press("Delete")
    page.wait_for_url(lambda url: url != gone)
    expect(page.get_by_text("1 picture is in the trash.")).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    page.wait_for_load_state()

    page.goto(gone)
    expect(favourite).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("f")
    expect(favourite).to_have_attribute("aria-pressed", "false")


def test_the_keys_are_told_and_can_be_switched_off(picture):
    page = picture

    page.keyboard.press("?")
    keys = page.get_by_role("dialog", name="Keys")
    expect(keys).to_be_visible()
    keys.get_by_label("Single letters are keys").uncheck()
    keys.get_by_role("button", name="Close").click()
    page.keyboard.press("f")
    page.reload()
    page.keyboard.press("?")

    expect(keys).to_be_hidden()
    expect(page.get_by_role("button", name="Favourite")).to_have_attribute("aria-pressed", "false")


def test_a_picture_is_looked_at_closely(picture):
    page = picture
    percent = page.locator("[data-percent]")
    fit = percent.inner_text()

    page.get_by_role("button", name="100 %").click()
    expect(percent).to_have_text("100 %")
    page.get_by_role("button", name="Larger").click()
    expect(percent).to_have_text("125 %")
    page.locator("[data-viewer]").hover()
    page.mouse.wheel(0, -2_000)
    expect(percent).to_have_text("1600 %")
    box = page.locator("[data-zoomed]").bounding_box()
    page.mouse.down()
    page.mouse.move(500, 300, steps=5)
    page.mouse.up()
    assert page.locator("[data-zoomed]").bounding_box() != box
    page.keyboard.press("0")

    expect(percent).to_have_text(fit)


def test_two_fingers_zoom_and_one_leafs(gallery_of):
    page = gallery_of(3, **HAND)
    tiles(page).nth(1).get_by_role("link").tap()
    page.wait_for_url("**/images/**")
    box = page.locator("[data-viewer]").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    touch = page.context.new_cdp_session(page)

    def move(kind, *points):
        points = [{"x": left, "y": y, "id": id} for id, left in enumerate(points)]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    percent = page.locator("[data-percent]")
    fit = int(percent.inner_text().split()[0])
    move("touchStart", x - 30, x + 30)
    move("touchMove", x - 60, x + 60)
    move("touchEnd")
    assert int(percent.inner_text().split()[0]) == pytest.approx(2 * fit, rel=0.05)
    page.get_by_role("button", name="Fit").tap()
    before = page.url
    move("touchStart", x + 60)
    move("touchMove", x - 60)
    move("touchEnd")

    page.wait_for_url(lambda url: url != before)
    assert page.evaluate(OVERFLOW) <= 0


def test_two_pictures_are_compared(gallery_of):
    page = gallery_of(3)
    for place in (0, 1):
        tiles(page).nth(place).get_by_role("checkbox").check()

    press(page, "Compare")
    page.get_by_text("One over the other").click()
    page.get_by_label("Drag to uncover").fill("20")

    uncovered = page.locator("[data-over] img").last
    expect(uncovered).to_have_css("clip-path", "inset(0px 0px 0px 20%)")
    assert page.evaluate(OVERFLOW) <= 0


def test_a_shared_link_shows_it_to_anybody_until_it_is_revoked(picture, open_page):
    page = picture
    page.get_by_text("Share", exact=True).click()
    page.get_by_role("button", name="Make a link").click()
    link = page.get_by_label("Link", exact=True).input_value()
    visitor = open_page(**HAND)

    visitor.goto(link)
    shared = visitor.get_by_role("img", name="The shared picture")
    expect(shared).to_be_visible()
    assert shared.evaluate("image => image.naturalWidth") > 0
    assert "red house" not in visitor.content()
    assert visitor.evaluate(OVERFLOW) <= 0

    page.get_by_role("button", name="Revoke").click()
    expect(page.get_by_text("The link is revoked.")).to_be_visible()
    assert visitor.request.get(link).status == 404


def test_all_of_it_works_without_scripts(gallery_of):
    page = gallery_of(35, viewport=DESKTOP, java_script_enabled=False)

    page.get_by_role("link", name="Older pictures").click()
    expect(tiles(page)).to_have_count(5)
    page.get_by_label("Search your prompts").fill("castle")
    page.get_by_role("button", name="Search").click()
    expect(tiles(page)).to_have_count(7)
    tiles(page).first.get_by_role("checkbox").check()
    press(page, "Delete")
    expect(tiles(page)).to_have_count(6)
    page.get_by_role("button", name="Undo").click()
    expect(tiles(page)).to_have_count(7)
    tiles(page).first.get_by_role("link").click()
    page.get_by_role("button", name="Favourite").click()
    page.get_by_role("link", name="Older picture").click()
    page.get_by_role("link", name="Back to these pictures").click()

    expect(page.get_by_role("img", name="Favourite", exact=True)).to_have_count(1)
    assert re.search(r"q=castle", page.url)
