"""Going on from a step of a picture, and choosing among drafts."""

import re
from io import BytesIO

import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.browser.conftest import DESKTOP, PHONE
from tests.browser.findings import OVERFLOW

DESK = {"viewport": DESKTOP}
HAND = {"viewport": PHONE, "has_touch": True, "is_mobile": True, "color_scheme": "dark"}
WORDS = "What should the picture show?"
OF_STEPS = re.compile(r"^Step (5|10|15) of 20: strength 0\.(75|5|25),")


def ask(page, prompt, *, button):
    page.goto("/studio/")
    page.get_by_label(WORDS).fill(prompt)
    page.get_by_text("More settings").click()
    page.get_by_label("Steps", exact=True).fill("20")
    page.get_by_label("Seed", exact=True).fill("11")
    page.get_by_role("button", name=button).click()
    return finished(page)


def finished(page):
    card = page.locator("[data-card]")
    expect(card).to_have_attribute("data-status", "succeeded")
    return card


def pixels_of(page, card):
    """The pixels of the picture in a finished job's card."""
    source = card.locator(".frame img").get_attribute("src")
    with Image.open(BytesIO(page.request.get(source).body())) as picture:
        return picture.convert("RGB").tobytes()


def steps_on_receipt(page):
    page.locator("[data-card]").get_by_role("link", name="Receipt").click()
    table = page.locator("[data-receipt]")
    steps = int(table.get_attribute("data-steps-run"))
    page.go_back()
    return steps


@pytest.mark.parametrize("screen", [DESK, HAND], ids=["desk", "hand"])
def test_a_picture_goes_on_from_a_step_with_other_words(open_page, accounts, screen):
    email = f"brancher-{screen['viewport']['width']}@example.com"
    page = open_page(storage_state=accounts.state(email), **screen)
    card = ask(page, "a red house in the snow", button="Make the picture")
    before = pixels_of(page, card)
    card.locator(".frame a").click()
    page.get_by_role("link", name="Go on from here").click()
    points = page.get_by_role("radio", name=OF_STEPS)
    expect(points).to_have_count(3)
    assert not page.evaluate(OVERFLOW)

    points.nth(1).check()
    page.get_by_role("button", name="Make the picture").click()
    card = finished(page)
    assert pixels_of(page, card) == before
    assert steps_on_receipt(page) == 10

    finished(page).locator(".frame a").click()
    page.get_by_role("link", name="Go on from here").click()
    page.get_by_label(WORDS).fill("a blue house at night")
    page.get_by_role("button", name="Make the picture").click()
    card = finished(page)
    expect(card.locator(".prompt")).to_have_text("a blue house at night")
    assert pixels_of(page, card) != before


@pytest.mark.parametrize("screen", [DESK, HAND], ids=["desk", "hand"])
def test_one_of_eight_drafts_is_finished(open_page, accounts, screen):
    email = f"drafter-{screen['viewport']['width']}@example.com"
    page = open_page(storage_state=accounts.state(email), **screen)
    page.goto("/studio/")
    button = page.get_by_role("button", name="Try 8 drafts")
    expect(button).to_contain_text("To finish one: about")

    card = ask(page, "a red house in the snow", button="Try 8 drafts")
    drafts = card.locator(".drafts img")
    expect(drafts).to_have_count(8)
    for draft in drafts.all():
        expect(draft).to_have_js_property("naturalWidth", 128)
    assert not page.evaluate(OVERFLOW)
    assert steps_on_receipt(page) == 6

    finished(page).get_by_role("button", name="Finish draft 3").click()
    card = finished(page)
    expect(card.locator(".drafts")).to_have_count(0)
    expect(card.locator(".frame a img")).to_have_count(1)
    assert steps_on_receipt(page) == 14
