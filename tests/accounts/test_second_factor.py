"""Authenticator apps, recovery codes and the list of passkeys. tests/browser signs in with passkeys."""

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal import auth as totp
from cryptography.fernet import InvalidToken
from django.urls import reverse

from tests.accounts import mailbox
from tests.factories import PASSWORD

pytestmark = pytest.mark.django_db

ACTIVATE = reverse("mfa_activate_totp")
PROTECTED = [
    reverse(name)
    for name in (
        "mfa_activate_totp",
        "mfa_add_webauthn",
        "mfa_generate_recovery_codes",
        "account_set_password",
        "accounts:delete",
    )
]


def code_now(secret):
    return totp.format_hotp_value(
        totp.hotp_value(secret, next(totp.yield_hotp_counters_from_time()))
    )


@pytest.fixture
def secret(alice):
    """The secret of Alice's authenticator app."""
    secret = totp.generate_totp_secret()
    totp.TOTP.activate(alice, secret)
    return secret


@pytest.fixture
def key(alice):
    """A passkey of Alice's with the fields that lists show."""
    return Authenticator.objects.create(
        user=alice,
        type=Authenticator.Type.WEBAUTHN,
        data={
            "name": "Phone",
            "credential": {"clientExtensionResults": {"credProps": {"rk": True}}},
        },
    )


def test_an_app_is_set_up_with_its_first_code(
    as_alice_proven, alice, django_capture_on_commit_callbacks
):
    secret = as_alice_proven.get(ACTIVATE).context["form"].secret

    with django_capture_on_commit_callbacks(execute=True):
        response = as_alice_proven.post(ACTIVATE, {"code": code_now(secret)})

    assert response.url == reverse("mfa_view_recovery_codes")
    assert Authenticator.objects.filter(user=alice, type="totp").exists()
    assert "An authenticator app was added" in mailbox.subjects(alice.email)


def test_a_wrong_code_sets_nothing_up(as_alice_proven):
    as_alice_proven.get(ACTIVATE)

    response = as_alice_proven.post(ACTIVATE, {"code": "000000"})

    assert response.context["form"].errors["code"]
    assert not Authenticator.objects.exists()


def test_the_secret_is_not_kept_in_clear(alice, secret):
    kept = Authenticator.objects.get(user=alice).data["secret"]

    assert secret not in kept


def test_secrets_survive_a_new_key_of_the_site(alice, secret, settings):
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another key"

    assert Authenticator.objects.get(user=alice).wrap().validate_code(code_now(secret))


def test_without_the_old_key_they_are_unreadable(alice, secret, settings):
    settings.SECRET_KEY = "another key"

    with pytest.raises(InvalidToken):
        Authenticator.objects.get(user=alice).wrap().validate_code(code_now(secret))


def sign_in(client, alice):
    return client.post(reverse("account_login"), {"login": alice.email, "password": PASSWORD})


def test_the_password_alone_does_not_sign_in(client, alice, secret):
    response = sign_in(client, alice)

    assert response.url == reverse("mfa_authenticate")
    assert "_auth_user_id" not in client.session


def test_the_code_from_the_app_does(client, alice, secret):
    sign_in(client, alice)

    response = client.post(reverse("mfa_authenticate"), {"code": code_now(secret)})

    assert response.url == reverse("studio")
    assert client.session["_auth_user_id"] == str(alice.pk)


def test_a_code_works_once(client, alice, secret):
    code = code_now(secret)
    sign_in(client, alice)
    client.post(reverse("mfa_authenticate"), {"code": code})
    client.logout()
    sign_in(client, alice)

    response = client.post(reverse("mfa_authenticate"), {"code": code})

    assert response.context["form"].errors["code"]


def test_a_recovery_code_works_once(client, alice, secret):
    code = RecoveryCodes.activate(alice).get_unused_codes()[0]
    answers = []
    for _time in range(2):
        sign_in(client, alice)
        client.post(reverse("mfa_authenticate"), {"code": code})
        answers.append("_auth_user_id" in client.session)
        client.logout()

    assert answers == [True, False]


def test_guessing_codes_is_limited(client, alice, secret):
    sign_in(client, alice)
    url = reverse("mfa_authenticate")

    answers = [client.post(url, {"code": "000000"}).status_code for _try in range(6)]

    assert answers == [200] * 5 + [429]


NO_PASSKEYS = [
    "",
    "[]",
    "{}",
    '{"id": "x"}',
    "not JSON",
    "[" * 100_000,
    '{"id": ' + "[" * 100_000 + "]" * 100_000 + "}",
    '{"id": "\\ud800"}',
    "9" * 5_000,
]


@pytest.mark.parametrize("credential", NO_PASSKEYS, ids=lambda text: text[:10])
def test_what_is_no_passkey_is_no_second_factor(client, alice, secret, credential):
    sign_in(client, alice)

    response = client.post(reverse("mfa_authenticate"), {"credential": credential})

    assert response.status_code == 200
    assert "_auth_user_id" not in client.session


@pytest.mark.parametrize("credential", NO_PASSKEYS, ids=lambda text: text[:10])
def test_what_is_no_passkey_is_not_added(as_alice_proven, credential):
    response = as_alice_proven.post(
        reverse("mfa_add_webauthn"), {"name": "Phone", "credential": credential}
    )

    assert response.status_code == 200
    assert not Authenticator.objects.exists()


@pytest.mark.parametrize("url", PROTECTED)
def test_what_matters_is_asked_for_again(as_alice, url):
    response = as_alice.get(url)

    assert response.url.startswith(reverse("account_reauthenticate"))


@pytest.mark.parametrize("url", PROTECTED)
def test_visitors_are_sent_to_sign_in(client, url):
    assert client.get(url).url.startswith(reverse("account_login"))


def test_without_a_second_factor_there_are_no_recovery_codes(as_alice_proven):
    assert as_alice_proven.get(reverse("mfa_view_recovery_codes")).status_code == 404


def test_recovery_codes_can_be_downloaded(as_alice_proven, alice, secret):
    codes = RecoveryCodes.activate(alice).get_unused_codes()

    response = as_alice_proven.get(reverse("mfa_download_recovery_codes"))

    assert response.text.split() == codes


def test_the_page_lists_passkeys_and_what_is_on(as_alice, alice, key, secret):
    page = as_alice.get(reverse("mfa_index")).text

    assert "Phone" in page
    assert reverse("mfa_deactivate_totp") in page


def test_a_passkey_is_renamed_and_removed(as_alice_proven, alice, key):
    as_alice_proven.post(reverse("mfa_edit_webauthn", args=[key.pk]), {"name": "Tablet"})
    key.refresh_from_db()
    renamed = key.data["name"]

    as_alice_proven.post(reverse("mfa_remove_webauthn", args=[key.pk]))

    assert renamed == "Tablet"
    assert not Authenticator.objects.exists()
    assert mailbox.subjects(alice.email)[-1] == "A passkey was removed"


@pytest.mark.parametrize("name", ["mfa_edit_webauthn", "mfa_remove_webauthn"])
def test_passkeys_of_others_are_not_found(client, bob, key, name):
    client.force_login(bob)
    client.post(reverse("account_reauthenticate"), {"password": PASSWORD})

    response = client.post(reverse(name, args=[key.pk]), {"name": "Mine"})

    assert response.status_code == 404
    assert Authenticator.objects.get() == key


def test_the_app_is_switched_off(as_alice_proven, alice, secret):
    as_alice_proven.post(reverse("mfa_deactivate_totp"))

    assert not Authenticator.objects.exists()
    assert mailbox.subjects(alice.email)[-1] == "Your authenticator app was removed"
