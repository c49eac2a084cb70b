from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts import deletion
from accounts.models import User
from billing import ledger
from billing.models import Unit
from billing.plans import TRIAL
from tests.accounts import mailbox
from tests.factories import PASSWORD

pytestmark = pytest.mark.django_db

DORA = "dora@example.com"
CONFIRM = reverse("account_email_verification_sent")


def sign_up(client, address=DORA, **headers):
    return client.post(
        reverse("account_signup"),
        {"email": address, "password1": PASSWORD},
        follow=True,
        headers=headers,
    )


def confirm(client, code):
    return client.post(CONFIRM, {"code": code})


def signed_in(client):
    return client.session.get("_auth_user_id")


def test_who_types_the_code_is_signed_in_and_has_the_trials_minutes(client):
    sign_up(client)

    response = confirm(client, mailbox.code(DORA))

    user = User.objects.get(email=DORA)
    assert response.url == reverse("studio")
    assert signed_in(client) == str(user.pk)
    assert ledger.available(user, Unit.GPU_MS) == TRIAL.gpu_ms


def test_nobody_is_signed_in_or_given_anything_before(client):
    response = sign_up(client)

    user = User.objects.get(email=DORA)
    assert response.redirect_chain == [(CONFIRM, 302)]
    assert signed_in(client) is None
    assert ledger.available(user, Unit.GPU_MS) == 0


def test_a_wrong_code_does_nothing(client):
    sign_up(client)

    response = confirm(client, "AAAA-AAAA")

    assert response.context["verify_form"].errors["code"]
    assert signed_in(client) is None


def test_after_three_wrong_codes_the_right_one_is_too_late(client):
    sign_up(client)
    code = mailbox.code(DORA)

    answers = [confirm(client, "AAAA-AAAA").status_code for _try in range(3)]
    confirm(client, code)

    assert answers == [200, 200, 302]
    assert signed_in(client) is None


def test_a_new_code_replaces_the_old_one(client, past_limits):
    sign_up(client)
    old = mailbox.code(DORA)
    past_limits()

    client.post(CONFIRM, {"action": "resend"})
    confirm(client, old)
    before = signed_in(client)
    confirm(client, mailbox.code(DORA))

    assert before is None
    assert signed_in(client)


def test_new_codes_are_not_sent_again_and_again(client):
    sign_up(client)

    response = client.post(CONFIRM, {"action": "resend"})

    assert response.status_code == 429
    assert response["Retry-After"] == "60"
    assert len(mailbox.mails(DORA)) == 1


def test_who_mistyped_the_address_begins_again(client):
    sign_up(client, "drao@example.com")

    response = client.post(reverse("account_logout"), {"next": reverse("account_signup")})
    sign_up(client)
    confirm(client, mailbox.code(DORA))

    assert response.url == reverse("account_signup")
    assert signed_in(client) == str(User.objects.get(email=DORA).pk)


def test_what_nobody_confirmed_is_forgotten_after_a_week(client, alice):
    sign_up(client)
    User.objects.filter(email=DORA).update(date_joined=timezone.now() - timedelta(days=8))
    sign_up(Client(), "erin@example.com")

    deletion.forget_unconfirmed()

    left = set(User.objects.values_list("email", flat=True))
    assert left == {alice.email, "erin@example.com"}


def test_an_administrator_without_an_address_stays():
    root = User.objects.create_superuser("root@example.com", PASSWORD)
    User.objects.update(date_joined=timezone.now() - timedelta(days=8))

    deletion.forget_unconfirmed()

    assert User.objects.get() == root


def test_addresses_differ_in_more_than_their_case(client, alice):
    sign_up(client, alice.email.upper())

    assert User.objects.count() == 1


def test_a_common_password_is_refused(client):
    response = client.post(reverse("account_signup"), {"email": DORA, "password1": "password123"})

    assert response.context["form"].errors["password1"]
    assert not User.objects.exists()


def test_mails_come_in_the_language_that_one_signed_up_in(client):
    sign_up(client, **{"accept-language": "zh-hans"})

    assert User.objects.get().language == "zh-hans"


def test_who_signs_up_with_a_passkey_makes_it_after_the_code(client):
    client.post(reverse("account_signup_by_passkey"), {"email": DORA})

    response = confirm(client, mailbox.code(DORA))

    page = client.get(response.url)
    assert response.url == reverse("mfa_signup_webauthn")
    assert page.context["js_data"]["creation_options"]["publicKey"]["challenge"]
    assert signed_in(client) is None
    assert not User.objects.get().has_usable_password()


@pytest.mark.parametrize("credential", ["", "[]", "{}", '{"id": "x"}', "not JSON"])
def test_what_is_no_passkey_signs_nobody_up(client, credential):
    client.post(reverse("account_signup_by_passkey"), {"email": DORA})
    confirm(client, mailbox.code(DORA))

    response = client.post(
        reverse("mfa_signup_webauthn"), {"name": "Mine", "credential": credential}
    )

    assert response.status_code == 200
    assert signed_in(client) is None


def test_the_passkeys_page_is_for_those_who_are_signing_up(client):
    assert client.get(reverse("mfa_signup_webauthn")).url == reverse("account_signup")


def test_sign_ups_are_limited(client):
    answers = [sign_up(client, f"dora{n}@example.com").status_code for n in range(21)]

    assert answers == [200] * 20 + [429]
