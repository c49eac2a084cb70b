"""Ways into the site, as a person takes them."""

from playwright.sync_api import expect

from tests.browser import post
from tests.factories import PASSWORD


def sign_up(page, site, address):
    """A new account, whose owner is signed in and in the studio."""
    page.goto("/accounts/signup/")
    fill_in(page, site, address)
    page.wait_for_url("**/studio/")


def fill_in(page, site, address):
    """Fill in the form for signing up that the page is at, and confirm the address."""
    page.get_by_label("Email").fill(address)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("main").get_by_role("button", name="Sign up", exact=True).click()
    confirm(page, site, address)


def confirm(page, site, address):
    """Type the code from the mail."""
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
    """Answer the question whether it is still the same person."""
    expect(page.get_by_role("heading", name="Is it you?")).to_be_visible()
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Go on").click()


def open_tab(page, name):
    tabs = page.get_by_role("navigation", name="Account", exact=True)
    tabs.get_by_role("link", name=name, exact=True).click()
