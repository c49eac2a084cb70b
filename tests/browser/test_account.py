"""The account area on a desktop and on a phone."""

import itertools
import json
from zipfile import ZipFile

import pytest
from playwright.sync_api import expect

from tests.browser import post
from tests.browser.conftest import DESKTOP, PHONE
from tests.browser.people import confirm, open_tab, prove, sign_in, sign_out
from tests.factories import PASSWORD

NEW = "another horse battery staple"
numbers = itertools.count()


@pytest.fixture(
    params=[
        pytest.param({"viewport": DESKTOP}, id="desktop"),
        pytest.param({"viewport": PHONE, "is_mobile": True, "has_touch": True}, id="phone"),
    ]
)
def screen(request):
    return request.param


@pytest.fixture
def address():
    return f"owner{next(numbers)}@example.com"


@pytest.fixture
def owner(open_page, screen, accounts, address):
    """A page of an operator who administers accounts."""
    page = open_page(**screen, storage_state=accounts.state(address))
    page.goto("/account/settings/")
    return page


def test_one_gets_to_every_tab_and_sees_where_one_is(owner):
    tabs = owner.get_by_role("navigation", name="Account", exact=True)

    for name in ("Studio", "Email", "Security", "Devices", "Your data", "Settings"):
        open_tab(owner, name)
        current = tabs.locator("[aria-current]")
        expect(current).to_have_text(name)
        expect(current).to_be_in_viewport()


def test_theme_and_language_change_at_once(owner):
    owner.get_by_label("Theme").select_option("dark")
    owner.get_by_role("button", name="Save").click()
    expect(owner.locator("html")).to_have_attribute("data-theme", "dark")

    owner.get_by_label("Language").select_option("zh-hans")
    owner.get_by_role("button", name="Save").click()

    expect(owner.locator("html")).to_have_attribute("lang", "zh-hans")


def test_the_studio_starts_with_ones_own_settings(owner):
    open_tab(owner, "Studio")
    owner.get_by_text("Portrait").click()
    owner.get_by_label("Steps").fill("7")
    owner.get_by_role("button", name="Save").click()
    expect(owner.get_by_text("The studio starts with these settings")).to_be_visible()

    owner.goto("/studio/")

    expect(owner.get_by_label("Steps", exact=True)).to_have_value("7")
    expect(owner.get_by_label("Portrait")).to_be_checked()


def test_the_address_changes_with_the_code_that_was_sent_there(owner, site, address):
    new = f"new-{address}"
    open_tab(owner, "Email")
    owner.get_by_label("New address").fill(new)
    owner.get_by_role("button", name="Change the address").click()
    prove(owner)
    confirm(owner, site, new)

    open_address = owner.goto("/accounts/email/")

    assert open_address.ok
    expect(owner.get_by_role("main")).to_contain_text(f"You sign in with {new}")
    assert post.next_mail(site, address, subject="Your email address was changed")


def test_a_forgotten_password_is_replaced_through_the_mail(owner, site, address):
    sign_out(owner)
    owner.goto("/accounts/login/")
    owner.get_by_role("link", name="Forgot your password?").click()
    owner.get_by_label("Email").fill(address)
    owner.get_by_role("button", name="Send the link").click()
    expect(owner.get_by_role("heading", name="Look into your mail")).to_be_visible()

    owner.goto(post.link(site, address, subject="Choose a new password"))
    owner.get_by_label("New password", exact=True).fill(NEW)
    owner.get_by_label("New password, again").fill(NEW)
    owner.get_by_role("button", name="Save").click()

    owner.wait_for_url("**/studio/")


def test_another_device_is_signed_out(owner, open_page, address):
    other = open_page(user_agent="Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0")
    sign_in(other, address)
    other.wait_for_url("**/studio/")
    open_tab(owner, "Devices")
    expect(owner.get_by_text("This device")).to_have_count(1)

    owner.get_by_role("button", name="Sign out Firefox on Linux").click()
    expect(owner.get_by_text("That device was signed out.")).to_be_visible()
    other.goto("/gallery/")

    expect(other.get_by_role("heading", name="Sign in")).to_be_visible()
    expect(owner.get_by_text("Firefox on Linux")).to_be_hidden()


def test_a_copy_of_everything_is_packed_while_one_waits(owner, site, address):
    open_tab(owner, "Your data")
    owner.get_by_role("button", name="Make a copy").click()
    link = owner.get_by_role("link", name="Download")
    expect(link).to_be_visible()

    with owner.expect_download() as download:
        link.click()

    assert download.value.suggested_filename.startswith("my-data-")
    with ZipFile(download.value.path()) as zip:
        account = json.loads(zip.read("account.json"))
        ledger = json.loads(zip.read("ledger.json"))
    assert account["email"] == address
    assert [(each["kind"], each["source"]) for each in ledger] == [("grant", "trial")]
    assert post.next_mail(site, address, subject="Your data is ready")


def test_an_account_is_deleted_for_good(owner, site, address):
    open_tab(owner, "Your data")
    owner.get_by_role("link", name="Delete the account").click()
    prove(owner)
    expect(owner.get_by_text("This cannot be taken back.")).to_be_visible()
    owner.get_by_label("Type your email address").fill(address)
    owner.get_by_role("button", name="Delete my account for good").click()
    expect(owner.get_by_role("heading", name="Your account is being deleted")).to_be_visible()

    assert post.next_mail(site, address, subject="Your account has been deleted")
    sign_in(owner, address)

    expect(owner.get_by_text("are not correct")).to_be_visible()


def test_who_mistypes_the_password_is_told_beside_the_form(owner, address):
    sign_out(owner)

    sign_in(owner, address, PASSWORD.upper())

    expect(owner.get_by_text("are not correct")).to_be_visible()
    expect(owner.get_by_label("Email")).to_have_value(address)
