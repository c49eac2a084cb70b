import json

import pytest
from django.http import HttpResponse

from accounts import rate_limits

pytestmark = pytest.mark.django_db


@pytest.fixture
def rates(settings):
    settings.ACCOUNT_RATE_LIMITS = {"test": "2/m/user,5/2h/user"}


@rate_limits.limited("test")
def view(request):
    return HttpResponse("done")


def post(rf, user, method="post"):
    request = getattr(rf, method)("/")
    request.user = user
    request.LANGUAGE_CODE = "en"
    return view(request)


def test_as_often_as_the_settings_say(rf, rates, alice):
    answers = [post(rf, alice).status_code for _time in range(3)]

    assert answers == [200, 200, 429]


def test_one_does_not_use_up_anothers(rf, rates, alice, bob):
    for _time in range(3):
        post(rf, alice)

    assert post(rf, bob).status_code == 200


def test_looking_is_not_limited(rf, rates, alice):
    answers = [post(rf, alice, "get").status_code for _time in range(3)]

    assert answers == [200] * 3


def test_after_the_time_that_the_answer_names_it_works_again(rf, rates, alice):
    for _time in range(2):
        post(rf, alice)

    assert post(rf, alice)["Retry-After"] == "7200"


def test_who_wants_json_gets_json(rf, rates, alice):
    request = rf.post("/", headers={"accept": "application/json"})
    request.user = alice

    response = rate_limits.too_many_requests(request)

    assert response.status_code == 429
    assert "too many tries" in json.loads(response.content)["error"]


def test_the_page_is_the_sites_own(client):
    for n in range(20):
        client.post("/accounts/password/reset/", {"email": f"{n}@example.com"})

    response = client.post("/accounts/password/reset/", {"email": "last@example.com"})

    assert response.status_code == 429
    assert response["Retry-After"] == "60"
    assert "That was a little fast" in response.text
