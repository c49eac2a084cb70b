import pytest
from django.urls import reverse

pytestmark = pytest.mark.django_db
URL = reverse("accounts:language")
PAGE = reverse("billing:plans")


def language_of(response):
    return response["Content-Language"]


def test_an_address_that_names_a_language_is_in_it(client):
    response = client.get(PAGE, {"language": "zh-hans"}, headers={"accept-language": "en"})

    assert language_of(response) == "zh-hans"
    assert language_of(client.get(PAGE)) == "en"


def test_even_for_somebody_who_chose_another(client, alice):
    alice.language = "zh-hans"
    alice.save()
    client.force_login(alice)

    assert language_of(client.get(PAGE, {"language": "en"})) == "en"


@pytest.mark.parametrize("language", ["", "tlh", "../en"])
def test_an_address_that_names_no_language_of_ours_changes_nothing(client, language):
    assert language_of(client.get(PAGE, {"language": language})) == "en"


def test_a_visitors_choice_stays_with_the_browser(client):
    response = client.post(URL, {"language": "zh-hans", "next": PAGE})

    assert response.url == PAGE
    assert language_of(client.get(PAGE)) == "zh-hans"


def test_the_choice_of_who_is_signed_in_goes_wherever_they_sign_in(client, alice):
    client.force_login(alice)

    client.post(URL, {"language": "zh-hans", "next": PAGE})

    alice.refresh_from_db()
    assert alice.language == "zh-hans"


def test_what_is_no_language_is_not_stored(client, alice):
    client.force_login(alice)

    client.post(URL, {"language": "tlh", "next": PAGE})

    alice.refresh_from_db()
    assert alice.language == ""


def test_nobody_is_sent_to_another_site(client):
    response = client.post(URL, {"language": "en", "next": "https://elsewhere.example/"})

    assert "elsewhere" not in response.url


def test_choosing_is_something_that_one_does(client):
    assert client.get(URL).status_code == 405


def test_the_foot_of_a_page_leads_back_to_it_without_a_language_in_its_address(client):
    page = client.get(PAGE, {"language": "en", "from": "mail"}).text

    assert f'name="next" value="{PAGE}?from=mail"' in page
