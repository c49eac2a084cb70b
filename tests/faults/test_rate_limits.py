"""Rate limits on every repeatable action, with Retry-After."""

import pytest
from django.urls import reverse

from tests.factories import PASSWORD

pytestmark = pytest.mark.django_db

CODE_SENT = reverse("account_email_verification_sent")


def sign_in(client, n):
    return client.post(reverse("account_login"), {"login": "a@example.com", "password": "wrong"})


def sign_in_from_a_list(client, n):
    data = {"login": f"{n}@example.com", "password": "wrong"}
    return client.post(reverse("account_login"), data)


def sign_in_by_passkey(client, n):
    return client.post(reverse("mfa_login_webauthn"), {"credential": "{}"})


def sign_up(client, n):
    data = {"email": f"{n}@example.com", "password1": PASSWORD}
    return client.post(reverse("account_signup"), data)


def reset(client, n):
    return client.post(reverse("account_reset_password"), {"email": "a@example.com"})


def reset_from_a_list(client, n):
    return client.post(reverse("account_reset_password"), {"email": f"{n}@example.com"})


def resend(client, n):
    if n == 0:
        sign_up(client, n)
    return client.post(CODE_SENT, {"action": "resend"})


ANYBODYS = [
    sign_in,
    sign_in_from_a_list,
    sign_in_by_passkey,
    sign_up,
    reset,
    reset_from_a_list,
    resend,
]


def prove(client, n):
    return client.post(reverse("account_reauthenticate"), {"password": "wrong"})


def change_password(client, n):
    return client.post(reverse("account_change_password"), {"oldpassword": "wrong"})


def change_address(client, n):
    data = {"action_add": "", "email": "nonsense"}
    return client.post(reverse("account_email"), data)


def export(client, n):
    return client.post(reverse("accounts:export"))


def delete(client, n):
    return client.post(reverse("accounts:delete"), {"email": "nonsense"})


def submit(client, n):
    return client.post(reverse("studio"), {"prompt": "", "checkpoint": "sketchbook"})


MEMBERS = [prove, change_password, change_address, export, delete, submit]
MORE_THAN_ANY_LIMIT = 70


def first_refusal(client, attempt):
    for n in range(MORE_THAN_ANY_LIMIT):
        response = attempt(client, n)
        if response.status_code == 429:
            return response
    return None


@pytest.mark.parametrize("attempt", ANYBODYS)
def test_what_anybody_can_try_is_limited(client, attempt):
    refusal = first_refusal(client, attempt)

    assert refusal
    assert 0 < int(refusal["Retry-After"]) <= 3_600


@pytest.mark.parametrize("attempt", MEMBERS)
def test_what_members_can_try_is_limited(client, alice, attempt):
    client.force_login(alice)

    refusal = first_refusal(client, attempt)

    assert refusal
    assert 0 < int(refusal["Retry-After"]) <= 3_600


@pytest.mark.parametrize("attempt", [sign_in, sign_up, reset, export, submit])
def test_without_limits_nothing_would_be_refused(client, alice, attempt, settings):
    """Control: without limits, the requests above succeed."""
    settings.ACCOUNT_RATE_LIMITS = False
    client.force_login(alice)
    if attempt in ANYBODYS:
        client.logout()

    assert first_refusal(client, attempt) is None
