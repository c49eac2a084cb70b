"""Every page on every screen size: no overflow, and no script errors."""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import SCREENS
from tests.browser.findings import listen, misfits
from tests.showing.pages import AUDIENCES


@pytest.mark.parametrize("screen", SCREENS)
@pytest.mark.parametrize("audience", AUDIENCES)
def test_pages_fit_the_screen(findings, screen, audience):
    assert findings(screen, audience).misfits == []


@pytest.mark.parametrize("screen", SCREENS)
@pytest.mark.parametrize("audience", AUDIENCES)
def test_pages_report_no_errors(findings, screen, audience):
    assert findings(screen, audience).complaints == []


@pytest.mark.parametrize("screen", SCREENS)
def test_every_page_is_visited(findings, every_page, screen):
    visited = [page for audience in AUDIENCES for page in findings(screen, audience).visited]

    assert sorted(visited, key=repr) == sorted(every_page, key=repr)


def test_what_does_not_fit_the_screen_is_found(page):
    page.set_content("<main><div><p style='width: 2000px'>Wide</p></div></main>")

    found = misfits(page)

    assert "wider than the screen" in found[0]
    assert found[1].startswith("<p")


def test_what_sticks_out_once_it_is_opened_is_found(page):
    content = "<p style='width: 200px'>Wide</p>"
    page.set_content(f"<main><details><div style='width: 100px'>{content}</div></details></main>")

    assert [line[:2] for line in misfits(page)] == ["<p"]


def test_errors_of_a_page_are_heard(chromium):
    complaints = []
    with chromium.new_context() as context:
        tab = context.new_page()
        listen(tab, complaints)
        tab.set_content("<script>console.error('one')</script><script>throw Error('two')</script>")

        # Messages arrive in their order: after this one, the others have come.
        with tab.expect_console_message(lambda message: message.text == "end"):
            tab.evaluate("console.log('end')")

    assert sorted(complaints) == ["about:blank: one", "about:blank: two"]


def test_the_language_follows_the_browser(open_page):
    page = open_page(locale="zh-CN")

    page.goto("/")

    expect(page.locator("html")).to_have_attribute("lang", "zh-hans")
    expect(page.get_by_role("link", name="登录")).to_be_visible()


def test_the_dark_theme_is_dark(open_page):
    lightness = "getComputedStyle(document.body).backgroundColor"
    colors = set()
    for scheme in ("light", "dark"):
        page = open_page(color_scheme=scheme)
        page.goto("/")
        colors.add(page.evaluate(lightness))

    assert len(colors) == 2
