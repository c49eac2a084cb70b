import pytest
from django.urls import reverse

from tests.factories import PASSWORD

pytestmark = pytest.mark.django_db

LOGIN = reverse("account_login")
PASSKEY = reverse("mfa_login_webauthn")


def sign_in(client, address, password=PASSWORD, **data):
    return client.post(LOGIN, {"login": address, "password": password, **data})


def signed_in(client):
    return client.session.get("_auth_user_id")


def test_address_and_password_open_the_studio(client, alice):
    response = sign_in(client, alice.email)

    assert response.url == reverse("studio")
    assert signed_in(client) == str(alice.pk)


def test_case_and_blanks_in_an_address_do_not_matter(client, alice):
    sign_in(client, f" {alice.email.upper()} ")

    assert signed_in(client) == str(alice.pk)


def test_one_goes_on_to_where_one_wanted_to(client, alice):
    response = sign_in(client, alice.email, next="/gallery/")

    assert response.url == "/gallery/"


def test_nobody_is_led_to_another_site(client, alice):
    response = sign_in(client, alice.email, next="https://evil.example.com/")

    assert response.url == reverse("studio")


def test_a_wrong_password_opens_nothing(client, alice):
    response = sign_in(client, alice.email, "wrong")

    assert response.context["form"].errors
    assert signed_in(client) is None


def test_a_closed_account_stays_closed(client, alice):
    alice.is_active = False
    alice.save()

    sign_in(client, alice.email)

    assert signed_in(client) is None


def test_who_never_confirmed_the_address_has_to_do_so_first(client, alice):
    alice.emailaddress_set.update(verified=False)

    response = sign_in(client, alice.email)

    assert response.url == reverse("account_email_verification_sent")
    assert signed_in(client) is None


def test_after_five_failures_the_sixth_try_has_to_wait(client, alice):
    failures = [sign_in(client, alice.email, "wrong").status_code for _try in range(5)]

    response = sign_in(client, alice.email)

    assert failures == [200] * 5
    assert response.status_code == 429
    assert int(response["Retry-After"]) == 300
    assert signed_in(client) is None


def test_success_does_not_reset_the_count_of_an_attacker(client, alice, bob):
    for _try in range(4):
        sign_in(client, alice.email, "wrong")
    sign_in(client, bob.email)
    client.logout()
    sign_in(client, alice.email, "wrong")

    assert sign_in(client, alice.email).status_code == 429


def test_tries_are_counted_for_each_address_and_for_each_machine(client, alice, bob):
    for _try in range(6):
        sign_in(client, alice.email, "wrong")

    elsewhere = client.post(
        LOGIN, {"login": bob.email, "password": PASSWORD}, REMOTE_ADDR="198.51.100.7"
    )

    assert elsewhere.status_code == 302


def test_a_browser_gets_a_challenge_for_its_passkey(client):
    response = client.get(PASSKEY, headers={"accept": "application/json"})

    options = response.json()["request_options"]["publicKey"]
    assert options["challenge"]
    assert options["rpId"] == "testserver"
    # A list of a user's keys would reveal the account.
    assert not options.get("allowCredentials")


@pytest.mark.parametrize(
    "credential",
    ["", "[]", "1", "{}", '{"id": "x"}', '{"response": {"userHandle": "MQ"}}', "not JSON"],
)
def test_what_is_no_passkey_opens_nothing(client, alice, credential):
    client.get(PASSKEY, headers={"accept": "application/json"})

    response = client.post(PASSKEY, {"credential": credential})

    assert response.url == LOGIN
    assert signed_in(client) is None


def test_a_credential_that_cannot_be_text_is_refused_at_the_edge(client, alice):
    client.get(PASSKEY, headers={"accept": "application/json"})

    response = client.post(PASSKEY, {"credential": "\0"})

    assert response.status_code == 400
    assert signed_in(client) is None


def test_passkeys_are_limited_too(client):
    answers = [client.post(PASSKEY, {"credential": "{}"}).status_code for _try in range(11)]

    assert answers == [302] * 10 + [429]


def test_signing_out_takes_a_post(client, alice):
    sign_in(client, alice.email)

    client.get(reverse("account_logout"))
    before = signed_in(client)
    client.post(reverse("account_logout"))

    assert before
    assert signed_in(client) is None


def test_who_is_signed_in_is_sent_on(as_alice):
    assert as_alice.get(LOGIN).url == reverse("studio")
