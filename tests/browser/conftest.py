"""Fixtures with a running site and a real Chromium. All browser tests share one site.

They end with the last browser test: other tests have the processor to themselves, and asyncio can run again.
"""

import functools

import pytest
from playwright.sync_api import expect

from tests import chromium as browsers
from tests.browser.accounts import making
from tests.browser.findings import listen, look_at
from tests.running import Site
from tests.showing import run

DESKTOP = {"width": 1280, "height": 800}
PHONE = {"width": 390, "height": 844}
# Each page is looked at on these, in both themes: between them, in every layout and language.
SCREENS = {
    "desktop": {"viewport": DESKTOP, "color_scheme": "light", "locale": "en-US"},
    "phone": {"viewport": PHONE, "color_scheme": "dark", "locale": "zh-CN"},
}
PATIENCE_MS = 120_000

expect.set_options(timeout=PATIENCE_MS)


def pytest_collection_modifyitems(items):
    for item in items:
        if "tests/browser" in item.path.as_posix():
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="package")
def chromium():
    with browsers.running() as browser:
        yield browser


@pytest.fixture(scope="package")
def site(new_data_folder):
    with Site(new_data_folder()) as site:
        yield site


@pytest.fixture(scope="package")
def accounts(site):
    with making(site) as accounts:
        yield accounts


@pytest.fixture
def open_page(chromium, site):
    """Opens a page in its own browser context; fails on script errors and CSP violations."""
    complaints = []
    contexts = []

    def open_page(**options):
        context = chromium.new_context(**{"base_url": site.url, "viewport": DESKTOP, **options})
        context.set_default_timeout(PATIENCE_MS)
        contexts.append(context)
        page = context.new_page()
        listen(page, complaints)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.fixture
def page(open_page):
    return open_page()


@pytest.fixture(scope="package")
def demo_session(chromium, site):
    """Cookies of the demo account."""
    with chromium.new_context(base_url=site.url) as context:
        page = context.new_page()
        page.goto("/accounts/login/")
        page.get_by_label("Email").fill("demo@example.com")
        page.get_by_label("Password", exact=True).fill(site.demo_password)
        page.get_by_role("button", name="Sign In").click()
        page.wait_for_url("**/studio/")
        return context.storage_state()


@pytest.fixture(scope="package")
def filled(site):
    """The site filled with users and images, and the cookies of the users."""
    return run.filled(site)


@pytest.fixture(scope="package")
def every_page(chromium, filled):
    """Every page, found in the URL patterns; routes without a page must be listed as such."""
    return filled.pages(chromium)


@pytest.fixture(scope="package")
def findings(chromium, filled, every_page):
    """Problems of the pages that an audience sees on a screen; all tests share one visit."""

    @functools.cache
    def findings(screen, audience):
        pages = [page for page in every_page if page.audience == audience]
        with chromium.new_context(
            base_url=filled.site.url,
            storage_state=filled.states[audience],
            # A color that is still changing would be taken for the one that is read.
            reduced_motion="reduce",
            **SCREENS[screen],
        ) as context:
            context.set_default_timeout(PATIENCE_MS)
            return look_at(context, pages)

    return findings
