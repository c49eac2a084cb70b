"""The front page, and a visitor's prompt on its way into the studio."""

import re

import pytest
from playwright.sync_api import expect

from generation.options import presets
from tests.browser import shifts
from tests.browser.conftest import DESKTOP, PHONE
from tests.browser.people import fill_in

WORDS = "a purple cat on the beach"
SCREENS = [pytest.param(DESKTOP, id="desktop"), pytest.param(PHONE, id="phone")]
screens = pytest.mark.parametrize("screen", SCREENS)


def try_box(page):
    return page.get_by_label("What should the picture show?")


def broken_images(page):
    """URLs of images that failed to load."""
    return page.evaluate(
        "[...document.images].filter(each => each.complete && !each.naturalWidth).map(each => each.src)"
    )


@screens
def test_words_come_along_through_signing_up(open_page, site, screen):
    page = open_page(viewport=screen)
    page.goto("/")

    try_box(page).fill(WORDS)
    page.get_by_role("button", name="Draw it").click()
    fill_in(page, site, f"words-{screen['width']}@example.com")

    page.wait_for_url("**/studio/")
    expect(try_box(page)).to_have_value(WORDS)


def test_a_preset_comes_along_through_signing_up(open_page, site):
    page = open_page()
    page.goto("/")

    page.get_by_role("link", name="Start Teaching material").click()
    fill_in(page, site, "preset@example.com")

    page.wait_for_url("**/studio/?preset=teaching")
    expect(try_box(page)).to_have_value(presets.get("teaching").examples["en"])


def test_who_is_signed_in_goes_straight_to_the_studio(open_page, filled):
    # The prompt waits in the session, so no other test may share it.
    page = open_page(storage_state=filled.states["newcomer"])
    page.goto("/")

    try_box(page).fill(WORDS)
    try_box(page).press("Enter")

    page.wait_for_url("**/studio/")
    expect(try_box(page)).to_have_value(WORDS)


@screens
def test_a_picture_of_the_wall_lends_its_words(open_page, screen):
    page = open_page(viewport=screen)
    page.goto("/")
    picture = page.locator("a[data-words]").nth(5)

    picture.click()

    expect(try_box(page)).to_have_value(picture.get_attribute("data-words"))
    expect(try_box(page)).to_be_focused()
    expect(try_box(page)).to_be_in_viewport()


@screens
def test_every_picture_comes_and_none_moves_the_page(open_page, screen):
    page = open_page(viewport=screen)
    shifts.watch(page)
    page.goto("/")

    height = page.evaluate("document.documentElement.scrollHeight")
    for y in range(0, height, screen["height"] // 2):
        page.evaluate("y => window.scrollTo(0, y)", y)
        page.wait_for_timeout(50)
    page.wait_for_load_state("networkidle")

    assert broken_images(page) == []
    assert shifts.total(shifts.seen(page)) < shifts.MOST, shifts.seen(page)


def test_nothing_comes_from_elsewhere_and_little_in_all(open_page, site):
    page = open_page(viewport=PHONE)
    sizes = {}
    page.on("requestfinished", lambda request: sizes.update({request.url: received(request)}))

    page.goto("/")
    page.wait_for_load_state("networkidle")

    assert {url for url in sizes if not url.startswith(site.url)} == set()
    assert sum(sizes.values()) < 150_000, sizes


def received(request):
    sizes = request.sizes()
    return sizes["responseBodySize"] + sizes["responseHeadersSize"]


@pytest.mark.parametrize("path", ["/", "/uses/teaching/", "/models/sketchbook/"])
def test_pages_work_without_scripts(open_page, path):
    page = open_page(java_script_enabled=False)

    page.goto(path)
    page.get_by_role("contentinfo").get_by_role("button", name="简体中文").click()

    expect(page.locator("html")).to_have_attribute("lang", "zh-hans")
    assert page.url.endswith(path)


def test_words_come_along_without_scripts(open_page):
    page = open_page(java_script_enabled=False)
    page.goto("/uses/posts/")

    page.get_by_label("Paste your text").fill("Rivers in spring\n\nThe snow melts.")
    page.get_by_role("button", name="Draw it").click()

    expect(page.get_by_role("heading", name="Make an account")).to_be_visible()


def test_the_front_page_leads_everywhere_by_keyboard(open_page):
    page = open_page()
    page.goto("/")
    reached = set()

    for _ in range(120):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.textContent.trim()"))

    assert {"Skip to the content", "Draw it", "Virtual try-on", "Take Premium"} <= reached
    assert any(re.match("What does a picture cost", each) for each in reached)


def test_an_answer_opens_where_it_was_asked(open_page):
    page = open_page(viewport=PHONE)
    page.goto("/")

    page.get_by_text("Who can see my pictures?").click()

    expect(page.get_by_text("You. A picture leaves your gallery")).to_be_visible()


def test_a_use_says_what_stands_in_here(open_page):
    page = open_page()

    page.goto("/uses/local-edits/")

    expect(page.get_by_text("Here it is drawn by Sketchbook.")).to_be_visible()
