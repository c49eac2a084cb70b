"""No layout shifts while a page loads slowly, so early taps hit their target."""

import pytest

from tests.browser import shifts
from tests.browser.conftest import DESKTOP, PHONE
from tests.browser.slow_line import slow_line

PAGES = {
    "home": ("visitor", "/"),
    "sign-in": ("visitor", "/accounts/login/"),
    "plans": ("member", "/plans/"),
    "usage": ("member", "/usage/"),
    "picture": ("member", "/images/{image_id}/"),
    "studio": ("newcomer", "/studio/"),
    "studio-drawing": ("member", "/studio/?job={running_id}"),
    "studio-with-picture": ("member", "/studio/?from={image_id}&mode=outpaint"),
}


@pytest.fixture(scope="module")
def far_away(site):
    with slow_line(site.port) as address:
        yield address


@pytest.mark.parametrize("screen", [DESKTOP, PHONE], ids=["desktop", "phone"])
@pytest.mark.parametrize("page", PAGES)
def test_nothing_moves_while_a_page_comes_in(open_page, filled, far_away, page, screen):
    audience, path = PAGES[page]
    tab = open_page(
        base_url=far_away,
        viewport=screen,
        storage_state=filled.states[audience],
        # Chromium renders a compressed response only as a whole.
        extra_http_headers={"Accept-Encoding": "identity"},
    )
    shifts.watch(tab)
    # Caches the style sheet, without which nothing renders before the whole page arrived.
    tab.goto("/detect/")
    # Between pages of one site, Chromium would keep showing the first for a while.
    tab.goto("about:blank")

    tab.goto(path.format(**filled.arguments))
    tab.wait_for_load_state("networkidle")

    # A short page's footer sticks to the lower edge, and only it may move while the page loads.
    seen = [each for each in shifts.seen(tab) if not each["isOfFooter"]]
    assert shifts.total(seen) < shifts.MOST, seen
