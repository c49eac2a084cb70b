import pytest
from django.urls import reverse

from tests.generation.rows import make_job, make_request

pytestmark = pytest.mark.django_db

URL = reverse("studio_defaults")
STUDIO = reverse("studio")
CHOSEN = {
    "checkpoint": "sketchbook",
    "shape": "portrait",
    "num_images": "2",
    "num_inference_steps": "12",
    "guidance_scale": "0",
    "noise_scheduler": "euler",
    "sigma_schedule": "karras",
}
SAVED = {
    "checkpoint": "sketchbook",
    "shape": "portrait",
    "num_images": 2,
    "num_inference_steps": 12,
    "guidance_scale": 0.0,
    "noise_scheduler": "euler",
    "sigma_schedule": "karras",
}


def test_what_is_chosen_is_what_the_studio_starts_with(client, alice):
    client.force_login(alice)

    response = client.post(URL, CHOSEN)

    form = client.get(STUDIO).context["form"]
    assert response.url == URL
    assert {name: form[name].value() for name in SAVED} == SAVED


def test_the_prompt_of_a_link_comes_on_top(client, alice):
    client.force_login(alice)
    client.post(URL, CHOSEN)

    form = client.get(STUDIO, {"prompt": "a red house"}).context["form"]

    assert form["prompt"].value() == "a red house"
    assert form["num_inference_steps"].value() == 12


def test_what_is_left_empty_stays_the_models_own(client, alice):
    client.force_login(alice)

    client.post(URL, {"checkpoint": "sketchbook", "shape": "square"})

    alice.refresh_from_db()
    assert alice.studio_defaults == {"checkpoint": "sketchbook", "shape": "square"}


def test_the_page_shows_what_is_chosen(client, alice):
    alice.studio_defaults = SAVED
    alice.save()
    client.force_login(alice)

    form = client.get(URL).context["form"]

    assert {name: form[name].value() for name in SAVED} == SAVED


def test_a_model_that_is_no_longer_installed_is_not_chosen(client, alice):
    alice.studio_defaults = {"checkpoint": "sd-1.5", "num_inference_steps": 9}
    alice.save()
    client.force_login(alice)

    form = client.get(STUDIO).context["form"]

    assert form["checkpoint"].value() == "sketchbook"
    assert form["num_inference_steps"].value() == 9


def test_a_picture_that_is_used_again_goes_before_them(client, alice):
    job = make_job(alice, request=make_request(num_inference_steps=3))
    alice.studio_defaults = SAVED
    alice.save()
    client.force_login(alice)

    form = client.get(STUDIO, {"job": job.pk}).context["form"]

    assert form["num_inference_steps"].value() == 3


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("checkpoint", "sd-9"),
        ("shape", "custom"),
        ("num_images", "5"),
        ("num_inference_steps", "151"),
        ("guidance_scale", "nan"),
        ("noise_scheduler", "magic"),
    ],
)
def test_what_the_studio_would_refuse_is_refused(client, alice, field, value):
    client.force_login(alice)

    response = client.post(URL, {**CHOSEN, field: value})

    alice.refresh_from_db()
    assert list(response.context["form"].errors) == [field]
    assert alice.studio_defaults == {}


def test_visitors_are_sent_to_sign_in(client):
    assert client.get(URL).url == f"{reverse('account_login')}?next={URL}"


def test_other_methods_are_refused(client, alice):
    client.force_login(alice)

    assert client.delete(URL).status_code == 405
