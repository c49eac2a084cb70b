"""Sign-in with passkeys and authenticator apps, by a virtual authenticator."""

import itertools

import pytest
from allauth.mfa.totp.internal import auth as totp
from playwright.sync_api import expect

from tests.browser import post
from tests.browser.conftest import DESKTOP, PHONE
from tests.browser.people import confirm, open_tab, prove, sign_in, sign_out, sign_up

numbers = itertools.count()
AUTHENTICATOR = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


class Finger:
    """The virtual authenticator of a page's browser, which can be told to refuse."""

    def __init__(self, page):
        self._session = page.context.new_cdp_session(page)
        self._session.send("WebAuthn.enable")
        added = self._session.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})
        self._id = {"authenticatorId": added["authenticatorId"]}

    def refuse(self):
        self._session.send("WebAuthn.setUserVerified", {**self._id, "isUserVerified": False})

    @property
    def credentials(self):
        return self._session.send("WebAuthn.getCredentials", self._id)["credentials"]


@pytest.fixture(params=[DESKTOP, PHONE], ids=["desktop", "phone"])
def page(open_page, site, request):
    """The site by host name: passkeys do not work on an IP address."""
    return open_page(base_url=f"http://localhost:{site.port}", viewport=request.param)


@pytest.fixture
def finger(page):
    return Finger(page)


@pytest.fixture
def address():
    return f"fingers{next(numbers)}@example.com"


def sign_up_by_passkey(page, site, address):
    page.goto("/accounts/signup/")
    page.get_by_role("link", name="Use a passkey").click()
    page.get_by_label("Email").fill(address)
    page.get_by_role("button", name="Go on").click()
    confirm(page, site, address)
    page.get_by_role("button", name="Make the passkey").click()
    page.wait_for_url("**/studio/")


def use_passkey(page):
    page.get_by_role("button", name="Use a passkey").click()


def code_now(secret):
    counter = next(totp.yield_hotp_counters_from_time())
    return totp.format_hotp_value(totp.hotp_value(secret, counter))


def test_signing_up_and_in_without_any_password(page, site, finger, address):
    sign_up_by_passkey(page, site, address)
    sign_out(page)

    page.goto("/accounts/login/")
    use_passkey(page)

    page.wait_for_url("**/studio/")
    assert len(finger.credentials) == 1


def test_a_passkey_proves_that_it_is_still_me(page, site, finger, address):
    sign_up_by_passkey(page, site, address)

    page.goto("/account/delete/")
    use_passkey(page)

    expect(page.get_by_role("heading", name="Delete your account")).to_be_visible()


def test_a_finger_that_is_not_known_opens_nothing(page, site, finger, address):
    sign_up_by_passkey(page, site, address)
    sign_out(page)
    finger.refuse()

    page.goto("/accounts/login/")
    use_passkey(page)

    expect(page.get_by_role("alert")).to_contain_text("That did not work")
    expect(page.get_by_role("button", name="Use a passkey")).to_be_enabled()


def test_a_passkey_is_added_named_and_removed(page, site, finger, address):
    sign_up(page, site, address)
    page.goto("/account/settings/")
    open_tab(page, "Security")
    page.get_by_role("link", name="Add a passkey").click()
    prove(page)
    page.get_by_label("Name").fill("My phone")
    page.get_by_role("button", name="Add the passkey").click()
    expect(page.get_by_role("heading", name="Recovery codes")).to_be_visible()
    page.get_by_role("link", name="Back to security").click()
    expect(page.get_by_text("My phone", exact=True)).to_be_visible()

    page.get_by_role("link", name="Remove My phone").click()
    page.get_by_role("button", name="Remove it").click()

    expect(page.get_by_text("You have none.")).to_be_visible()
    assert post.next_mail(site, address, subject="A passkey was removed")


def test_a_device_has_one_passkey_for_an_account(page, site, finger, address):
    sign_up_by_passkey(page, site, address)
    page.goto("/accounts/2fa/webauthn/add/")
    use_passkey(page)

    page.get_by_role("button", name="Add the passkey").click()

    expect(page.get_by_role("alert")).to_contain_text("has a passkey for your account already")


def test_a_code_from_an_app_is_asked_for_after_the_password(page, site, address):
    sign_up(page, site, address)
    page.goto("/accounts/2fa/")
    page.get_by_role("link", name="Set it up").click()
    prove(page)
    expect(page.get_by_role("img", name="A QR code")).to_be_visible()
    secret = page.locator("code").inner_text()
    page.get_by_label("Authenticator code").fill(code_now(secret))
    page.get_by_role("button", name="Switch it on").click()
    recovery = page.locator(".codes code").first.inner_text()
    sign_out(page)

    sign_in(page, address)
    page.get_by_label("Code").fill(recovery)
    page.get_by_role("button", name="Sign in").click()

    page.wait_for_url("**/studio/")


def test_on_an_address_of_numbers_one_is_told_where_to_go(open_page, site):
    page = open_page()
    page.goto("/accounts/login/")

    use_passkey(page)

    expect(page.get_by_role("alert")).to_contain_text(f"http://localhost:{site.port}")
