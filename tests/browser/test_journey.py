"""A new user's way through sign-up, studio and receipt."""

import re

import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.browser.people import fill_in

# Runs before the page's scripts and records each preview.
WATCH_PREVIEWS = """
window.previews = [];
const canvas = document.createElement("canvas");
async function note(image) {
  await image.decode();
  canvas.width = image.naturalWidth;
  canvas.height = image.naturalHeight;
  canvas.getContext("2d").drawImage(image, 0, 0);
  window.previews.push(canvas.toDataURL());
}
new MutationObserver((mutations) => {
  for (const { target } of mutations) if (target.matches("[data-preview]")) note(target).catch(() => {});
}).observe(document, { subtree: true, attributes: true, attributeFilter: ["src"] });
"""


@pytest.fixture
def account(page, site):
    """Signs up, and records previews from then on."""
    page.add_init_script(WATCH_PREVIEWS)
    page.goto("/")
    page.get_by_role("link", name="Try it free").first.click()
    fill_in(page, site, "dora@example.com")
    page.wait_for_url("**/studio/")
    return page


def subscribe(page):
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Plans").click()
    page.get_by_role("button", name="Take Basic").click()
    expect(page.get_by_text("This is a test.")).to_be_visible()
    page.get_by_role("button", name="Pay with the test card").click()
    expect(page.get_by_role("heading", name="Welcome to Basic")).to_be_visible()


def available_ms(page):
    page.goto("/usage/movements/")
    return int(page.locator("[data-available-ms]").get_attribute("data-available-ms"))


def receipt(page):
    """Lines and total of the finished job's receipt, in ms."""
    page.locator("[data-card]").get_by_role("link", name="Receipt").click()
    table = page.locator("[data-receipt]")
    lines = [int(each) for each in table.locator("[data-line-ms]").evaluate_all(LINES)]
    return lines, int(table.locator("[data-charged-ms]").get_attribute("data-charged-ms"))


LINES = "cells => cells.map(cell => cell.dataset.lineMs)"


def make_picture(page, prompt, *, steps):
    page.goto("/studio/")
    page.get_by_label("What should the picture show?").fill(prompt)
    page.get_by_text("More settings").click()
    page.get_by_label("Steps", exact=True).fill(str(steps))
    expect(page.get_by_role("button", name="Make the picture")).to_contain_text("at most")
    page.get_by_role("button", name="Make the picture").click()


def test_from_sign_up_to_picture(account):
    page = account
    expect(page.locator("[data-balance]")).to_have_text("5 min 0 s")
    subscribe(page)
    before = available_ms(page)
    assert before == (200 + 5) * 60_000

    make_picture(page, "a white boat by the sea at sunset", steps=60)
    card = page.locator("[data-card]")
    expect(card).to_have_attribute("data-status", "succeeded")

    assert len(set(page.evaluate("window.previews"))) >= 3
    expect(page.locator("[data-balance]")).to_have_text(re.compile(r"^204 min"))
    lines, charged = receipt(page)
    assert sum(lines) == charged > 0
    assert available_ms(page) == before - charged

    page.get_by_role("link", name="Gallery").click()
    page.get_by_role("img", name="a white boat by the sea at sunset").click()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").click()
    with Image.open(download.value.path()) as picture:
        assert picture.format == "PNG"
        assert "a white boat by the sea at sunset" in str(picture.info)

    before = available_ms(page)
    make_picture(page, "three green trees in the desert", steps=150)
    expect(card.locator("[data-step]")).to_have_text(re.compile(r"^([3-9]|\d\d+)$"))
    card.get_by_role("button", name="Cancel").click()
    expect(card).to_have_attribute("data-status", "canceled")

    lines, charged = receipt(page)
    steps_run = int(page.locator("[data-steps-run]").get_attribute("data-steps-run"))
    assert 3 <= steps_run < 150
    assert sum(lines) == charged > 0
    assert available_ms(page) == before - charged
