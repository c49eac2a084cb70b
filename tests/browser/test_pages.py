"""Every page on every kind of screen: nothing sticks out, no script fails (see `open_page`)."""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import DESKTOP, PHONE

PUBLIC = ["/", "/plans/", "/accounts/login/", "/accounts/signup/", "/accounts/password/reset/"]
OWN = [
    "/studio/",
    "/gallery/",
    "/usage/",
    "/usage/movements/",
    "/plans/",
    "/account/settings/",
    "/accounts/email/",
    "/accounts/password/change/",
    "/accounts/logout/",
]
SCREENS = [
    pytest.param({"viewport": DESKTOP, "color_scheme": "light"}, id="desktop"),
    pytest.param({"viewport": PHONE, "color_scheme": "dark", "locale": "zh-CN"}, id="phone"),
]
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.mark.parametrize("screen", SCREENS)
def test_public_pages_fit_the_screen(open_page, screen):
    page = open_page(**screen)

    for path in PUBLIC:
        assert page.goto(path).status == 200, path
        assert page.evaluate(OVERFLOW) <= 0, path


@pytest.mark.parametrize("screen", SCREENS)
def test_own_pages_fit_the_screen(open_page, demo_session, screen):
    page = open_page(storage_state=demo_session, **screen)

    for path in OWN:
        assert page.goto(path).status == 200, path
        assert page.evaluate(OVERFLOW) <= 0, path


def test_the_language_follows_the_browser(open_page):
    page = open_page(locale="zh-CN")

    page.goto("/")

    expect(page.get_by_role("heading", level=1)).to_have_text("看着文字变成画")


def test_the_dark_theme_is_dark(open_page):
    lightness = "getComputedStyle(document.body).backgroundColor"
    colours = set()
    for scheme in ("light", "dark"):
        page = open_page(color_scheme=scheme)
        page.goto("/")
        colours.add(page.evaluate(lightness))

    assert len(colours) == 2
