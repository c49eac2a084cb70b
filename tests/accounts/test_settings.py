import pytest
from django.urls import reverse

from accounts.models import Theme

pytestmark = pytest.mark.django_db

URL = "/account/settings/"


def test_a_person_chooses_language_and_theme(client, alice):
    client.force_login(alice)

    response = client.post(URL, {"language": "zh-hans", "theme": "dark"})

    alice.refresh_from_db()
    assert response.url == URL
    assert (alice.language, alice.theme) == ("zh-hans", Theme.DARK)


def test_the_page_shows_what_is_chosen(client, alice):
    alice.theme = Theme.LIGHT
    alice.save()
    client.force_login(alice)

    response = client.get(URL)

    assert response.context["form"].initial["theme"] == "light"


def test_the_chosen_language_goes_before_the_browsers(client, alice):
    alice.language = "zh-hans"
    alice.save()
    client.force_login(alice)

    response = client.get(URL, headers={"accept-language": "en"})

    assert response["Content-Language"] == "zh-hans"


def test_who_chose_no_language_gets_the_browsers(client, alice):
    client.force_login(alice)

    response = client.get(URL, headers={"accept-language": "zh-hans"})

    assert response["Content-Language"] == "zh-hans"


@pytest.mark.parametrize("field", ["language", "theme", "time_zone"])
def test_what_is_not_offered_is_refused(client, alice, field):
    client.force_login(alice)

    response = client.post(URL, {"language": "en", "theme": "dark", field: "klingon"})

    alice.refresh_from_db()
    assert response.context["form"].errors[field]
    assert alice.theme == Theme.SYSTEM


def test_visitors_are_sent_to_sign_in(client):
    response = client.get(URL)

    assert response.url == f"{reverse('account_login')}?next={URL}"


def test_other_methods_are_refused(client, alice):
    client.force_login(alice)

    assert client.delete(URL).status_code == 405
