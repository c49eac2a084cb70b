import pytest
from allauth.mfa.totp.internal import auth as totp
from django.urls import reverse

from accounts.models import User
from tests.factories import PASSWORD

pytestmark = pytest.mark.django_db

URL = reverse("accounts:delete")
DONE = reverse("accounts:deleted")


def test_who_proves_it_and_means_it_is_deleted(as_alice_proven, alice):
    response = as_alice_proven.post(URL, {"email": " Alice@Example.com "})

    alice.refresh_from_db()
    assert response.url == DONE
    assert not alice.is_active
    assert alice.closed_at
    assert "_auth_user_id" not in as_alice_proven.session


def test_the_page_says_what_goes_and_what_stays(as_alice_proven):
    page = as_alice_proven.get(URL).text

    assert "All your pictures" in page
    assert "because the law asks for it" in page


@pytest.mark.parametrize("email", ["", "bob@example.com", "nonsense"])
def test_who_types_something_else_keeps_the_account(as_alice_proven, alice, email):
    response = as_alice_proven.post(URL, {"email": email})

    alice.refresh_from_db()
    assert response.context["form"].errors["email"]
    assert alice.is_active


@pytest.mark.parametrize("method", ["get", "post"])
def test_the_password_is_asked_for_again(as_alice, alice, method):
    response = getattr(as_alice, method)(URL, {"email": alice.email})

    alice.refresh_from_db()
    assert response.url.startswith(reverse("account_reauthenticate"))
    assert alice.is_active


def test_after_the_password_one_is_where_one_wanted_to_be(as_alice):
    asked = as_alice.get(URL)

    response = as_alice.post(asked.url, {"password": PASSWORD})

    assert response.url == URL


def test_who_has_no_password_proves_it_with_the_second_factor(client, alice):
    totp.TOTP.activate(alice, totp.generate_totp_secret())
    alice.set_unusable_password()
    alice.save()
    client.force_login(alice)

    response = client.post(URL, {"email": alice.email})

    assert response.url.startswith(reverse("mfa_reauthenticate"))


def test_other_methods_are_refused(as_alice_proven):
    assert as_alice_proven.delete(URL).status_code == 405


def test_visitors_are_sent_to_sign_in(client):
    assert client.post(URL).url == f"{reverse('account_login')}?next={URL}"
    assert not User.objects.exists()


def test_tries_are_limited(as_alice_proven):
    answers = [as_alice_proven.post(URL, {"email": "x"}).status_code for _try in range(6)]

    assert answers == [200] * 5 + [429]


def test_goodbye_is_for_everybody(client):
    assert client.get(DONE).status_code == 200
    assert client.post(DONE).status_code == 405
