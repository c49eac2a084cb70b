"""Sign-up and sign-in through the pages."""

from playwright.sync_api import expect

from tests.browser import post
from tests.factories import PASSWORD


def sign_up(page, site, address):
    """Create an account through the pages and end in the studio."""
    page.goto("/accounts/signup/")
    fill_in(page, site, address)
    page.wait_for_url("**/studio/")


def fill_in(page, site, address):
    """Complete the open sign-up form and confirm the email address."""
    page.get_by_label("Email").fill(address)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("main").get_by_role("button", name="Sign up", exact=True).click()
    confirm(page, site, address)


def confirm(page, site, address):
    """Type the emailed code."""
    expect(page.get_by_role("heading", name="Look into your mail")).to_be_visible()
    page.get_by_label("Code").fill(post.code(site, address))
    page.get_by_role("button", name="Confirm").click()


def sign_in(page, address, password=PASSWORD):
    page.goto("/accounts/login/")
    page.get_by_label("Email").fill(address)
    page.get_by_label("Password", exact=True).fill(password)
    page.get_by_role("button", name="Sign in", exact=True).click()


def sign_out(page):
    page.goto("/accounts/logout/")
    page.get_by_role("main").get_by_role("button", name="Sign out").click()
    page.wait_for_url(lambda url: url.endswith("/"))


def prove(page, password=PASSWORD):
    """Complete the reauthentication page."""
    expect(page.get_by_role("heading", name="Is it you?")).to_be_visible()
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Go on").click()


def open_tab(page, name):
    tabs = page.get_by_role("navigation", name="Account", exact=True)
    tabs.get_by_role("link", name=name, exact=True).click()
