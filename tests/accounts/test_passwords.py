import pytest
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.urls import reverse

from tests.accounts import mailbox
from tests.factories import PASSWORD

pytestmark = pytest.mark.django_db

RESET = reverse("account_reset_password")
CHANGE = reverse("account_change_password")
SET = reverse("account_set_password")
NEW = "another horse battery staple"


def ask_for_link(client, address):
    return client.post(RESET, {"email": address})


def choose(client, link, password=NEW):
    form = client.get(link, follow=True)
    path = form.redirect_chain[-1][0] if form.redirect_chain else link
    return client.post(path, {"password1": password, "password2": password})


def test_the_link_in_the_mail_lets_one_choose_a_new_password(client, alice):
    ask_for_link(client, alice.email)

    response = choose(client, mailbox.link(alice.email))

    alice.refresh_from_db()
    assert alice.check_password(NEW)
    assert response.url == reverse("studio")
    assert client.session["_auth_user_id"] == str(alice.pk)
    assert mailbox.subjects(alice.email)[-1] == "Your password was reset"


def test_a_link_works_once(client, alice):
    ask_for_link(client, alice.email)
    link = mailbox.link(alice.email)
    choose(client, link)
    client.logout()

    response = client.get(link)

    assert response.context["token_fail"]


def test_a_link_for_one_account_does_not_open_another(client, alice, bob):
    ask_for_link(client, alice.email)
    token = mailbox.link(alice.email).rstrip("/").split("-", 1)[1]
    client.logout()

    response = client.get(f"/accounts/password/reset/key/{bob.pk}-{token}/")

    assert response.context["token_fail"]


def test_a_closed_account_gets_no_link(client, alice):
    alice.is_active = False
    alice.save()

    ask_for_link(client, alice.email)

    assert mailbox.subjects(alice.email)[-1] == "There is no account with this address"


def test_links_are_limited_by_address_and_by_machine(client, alice):
    to_one = [ask_for_link(client, alice.email).status_code for _try in range(6)]
    to_many = [ask_for_link(client, f"{n}@example.com").status_code for n in range(20)]

    assert to_one == [302] * 5 + [429]
    assert to_many[-1] == 429


def test_changing_it_takes_the_old_one(as_alice, alice):
    response = as_alice.post(CHANGE, {"oldpassword": "wrong", "password1": NEW, "password2": NEW})

    alice.refresh_from_db()
    assert response.context["form"].errors["oldpassword"]
    assert alice.check_password(PASSWORD)


def test_it_is_changed_and_its_owner_told(as_alice, alice):
    as_alice.post(CHANGE, {"oldpassword": PASSWORD, "password1": NEW, "password2": NEW})

    alice.refresh_from_db()
    assert alice.check_password(NEW)
    assert as_alice.session["_auth_user_id"] == str(alice.pk)
    assert mailbox.subjects(alice.email)[-1] == "Your password was changed"


def test_guessing_the_old_one_is_limited(as_alice):
    wrong = {"oldpassword": "wrong", "password1": NEW, "password2": NEW}

    answers = [as_alice.post(CHANGE, wrong).status_code for _try in range(6)]

    assert answers == [200] * 5 + [429]


@pytest.fixture
def without_password(client, alice):
    """Alice's browser; she has no password, only a social account."""
    alice.set_unusable_password()
    alice.save()
    client.force_login(alice)
    return client


def test_who_has_none_sets_one(without_password, alice):
    response = without_password.post(SET, {"password1": NEW, "password2": NEW})

    alice.refresh_from_db()
    assert response.url == CHANGE
    assert alice.check_password(NEW)


def test_who_has_a_second_factor_proves_it_before_setting_one(without_password, alice):
    TOTP.activate(alice, generate_totp_secret())

    response = without_password.post(SET, {"password1": NEW, "password2": NEW})

    alice.refresh_from_db()
    assert response.url.startswith(reverse("mfa_reauthenticate"))
    assert not alice.has_usable_password()


def test_who_has_one_changes_it(as_alice_proven):
    assert as_alice_proven.get(SET).url == CHANGE


@pytest.mark.parametrize("url", [CHANGE, SET])
def test_visitors_are_sent_to_sign_in(client, url):
    assert client.get(url).url.startswith(reverse("account_login"))


def test_nothing_is_asked_again_within_five_minutes(as_alice_proven):
    assert as_alice_proven.get(reverse("mfa_activate_totp")).status_code == 200


def test_proving_it_is_limited(as_alice):
    url = reverse("account_reauthenticate")

    answers = [as_alice.post(url, {"password": "wrong"}).status_code for _try in range(6)]

    assert answers == [200] * 5 + [429]
