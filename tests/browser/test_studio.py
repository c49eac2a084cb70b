"""The studio's live feedback while typing."""

import pytest
from playwright.sync_api import expect


@pytest.fixture
def page(open_page, demo_session):
    page = open_page(storage_state=demo_session)
    page.goto("/studio/")
    page.get_by_text("More settings").click()
    return page


def test_the_quote_follows_the_settings(page):
    quote = page.locator("[data-quote-text]")
    before = quote.inner_text()

    page.get_by_label("Steps", exact=True).fill("150")

    expect(quote).not_to_have_text(before)
    expect(quote).to_contain_text("at most")


def test_what_is_wrong_is_said_while_one_types(page):
    page.get_by_label("Steps", exact=True).fill("151")

    expect(page.get_by_role("status").filter(has_text="150")).to_be_visible()


def test_the_dice_fill_in_a_seed_and_keep_it(page):
    page.get_by_role("button", name="Roll a seed").click()

    seed = page.get_by_label("Seed", exact=True)
    assert 0 <= int(seed.input_value()) < 2**32
    expect(page.get_by_label("Keep for the next picture")).to_be_checked()


def test_exact_sizes_are_asked_for_only_when_wanted(page):
    expect(page.get_by_label("Width")).to_be_hidden()

    page.get_by_text("Custom").click()

    expect(page.get_by_label("Width")).to_be_visible()


def test_an_example_fills_in_the_prompt(page):
    prompt = page.get_by_label("What should the picture show?")
    example = page.locator("a[data-example]").first

    if not example.is_visible():
        page.get_by_text("Example prompts").click()
    example.click()

    expect(prompt).to_have_value(example.inner_text().strip())


def test_a_long_prompt_leaves_the_buttons_on_the_screen(page):
    page.get_by_label("What should the picture show?").fill("a red house in the snow, " * 60)
    page.get_by_role("button", name="Make the picture").click()

    shown = page.locator("[data-card] .prompt")
    expect(shown).to_contain_text("a red house in the snow, a red house")
    assert shown.bounding_box()["height"] < 150


def test_control_and_enter_send_the_form(page):
    prompt = page.get_by_label("What should the picture show?")

    prompt.press("Control+Enter")

    expect(page.get_by_text("Say what the picture should show.")).to_be_visible()
