"""Every page on every screen size: no overflow, and no script errors (see `open_page`)."""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import DESKTOP, PHONE
from tests.showing import run
from tests.showing.pages import AUDIENCES

SCREENS = [
    pytest.param({"viewport": DESKTOP, "color_scheme": "light"}, id="desktop"),
    pytest.param({"viewport": PHONE, "color_scheme": "dark", "locale": "zh-CN"}, id="phone"),
]
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
# Elements wider than a parent that neither scrolls nor clips, so that they overlap a neighbor.
STICKING_OUT = """
() => {
  for (const each of document.querySelectorAll("details")) each.open = true;
  const flows = (each) => !["absolute", "fixed"].includes(getComputedStyle(each).position);
  const clips = (each) => each !== document.body && getComputedStyle(each).overflowX !== "visible";
  const isClipped = (each) => each.parentElement && (clips(each.parentElement) || isClipped(each.parentElement));
  return Array.from(document.querySelectorAll("main *:not(svg *)"))
    .filter((each) => each.checkVisibility() && flows(each) && !isClipped(each))
    .filter((each) => {
      const [inner, outer] = [each, each.parentElement].map((box) => box.getBoundingClientRect());
      return inner.width && outer.width && (inner.right > outer.right + 1 || inner.left < outer.left - 1);
    })
    .map((each) => each.outerHTML.slice(0, 200));
}
"""


@pytest.mark.parametrize("screen", SCREENS)
@pytest.mark.parametrize("audience", AUDIENCES)
def test_pages_fit_the_screen(open_page, filled, every_page, screen, audience):
    tab = open_page(storage_state=filled.states[audience], **screen)

    for page in every_page:
        if page.audience == audience and not page.is_error:
            run.visit(tab, page)
            assert tab.evaluate(OVERFLOW) <= 0, page.path
            assert tab.evaluate(STICKING_OUT) == [], page.path


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
