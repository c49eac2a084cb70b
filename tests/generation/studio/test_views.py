import html
import json
import re
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from billing import ledger
from billing.models import Subscription, Unit
from billing.plans import TRIAL
from billing.templatetags.amounts import gpu_time
from generation import jobs
from generation.jobs import admission
from generation.models import Job, Status
from tests.generation.rows import make_image, make_job, make_request

pytestmark = pytest.mark.django_db
URL = reverse("studio")
QUOTE = reverse("quote")
FILLED = {"prompt": "a red house", "checkpoint": "sketchbook", "shape": "square"}


def spend_all_but(user, ms):
    spare = ledger.available(user, Unit.GPU_MS) - ms
    ledger.hold(user, unit=Unit.GPU_MS, amount=spare, reference="spent elsewhere")


def test_a_prompt_becomes_a_job_and_the_studio_stays_open_on_it(client, alice):
    client.force_login(alice)

    response = client.post(URL, FILLED)

    job = Job.objects.get()
    assert job.user == alice
    assert job.status == Status.QUEUED
    assert job.request["prompt"] == "a red house"
    assert response.url == f"{URL}?job={job.pk}"


def test_drafts_are_eight_with_a_part_of_the_steps(client, charlie):
    client.force_login(charlie)

    response = client.post(URL, {**FILLED, "num_inference_steps": "20", "draft": "1"})

    job = Job.objects.get()
    assert response.url == f"{URL}?job={job.pk}"
    assert (job.request["num_images"], job.request["draft_steps"]) == (8, 6)


def test_both_prices_of_drafts_are_said_before(client, alice):
    client.force_login(alice)

    text = client.get(QUOTE, {**FILLED, "num_inference_steps": "100"}).json()["drafts"]

    client.post(URL, {**FILLED, "num_inference_steps": "100", "draft": "1"})
    job = Job.objects.get()
    assert f"at most {gpu_time(job.hold_ms)} of GPU time. To finish one: about" in text
    assert job.generation_request.draft_steps == 30


def test_a_picture_of_one_step_has_no_drafts(client, alice):
    client.force_login(alice)
    settings = {**FILLED, "num_inference_steps": "1"}

    assert client.get(QUOTE, settings).json()["drafts"] == ""
    response = client.post(URL, {**settings, "draft": "1"})

    assert "num_inference_steps" in response.context["form"].errors
    assert not Job.objects.exists()


def test_it_shows_the_latest_job_and_the_recent_pictures(client, alice):
    image = make_image(make_job(alice))
    latest = make_job(alice, status=Status.QUEUED)
    client.force_login(alice)

    page = client.get(URL).text

    assert f'data-card="{reverse("job_card", args=[latest.pk])}"' in page
    assert reverse("image_thumbnail", args=[image.pk]) in page


def test_a_new_person_is_shown_where_to_start(client, charlie):
    client.force_login(charlie)

    response = client.get(URL)

    assert "Start from one of these" in response.text
    assert response.context["state"] is None


def test_a_sampler_that_is_named_for_its_schedule_offers_no_other(client, alice):
    client.force_login(alice)

    page = client.get(reverse("studio")).text

    offered = json.loads(html.unescape(re.search('data-sigmas="(.*?)"', page)[1]))
    assert offered["dpmpp_2m_karras"] == []
    assert "karras" in offered["dpmpp_2m"]


def test_visitors_are_sent_to_sign_in(client):
    assert client.get(URL).url == f"{reverse('account_login')}?next={URL}"
    assert client.post(URL, FILLED).url == f"{reverse('account_login')}?next={URL}"
    assert not Job.objects.exists()


def test_other_methods_are_refused(client, alice):
    client.force_login(alice)

    assert client.delete(URL).status_code == 405


def test_without_a_prompt_nothing_is_asked_for(client, alice):
    client.force_login(alice)

    response = client.post(URL, {**FILLED, "prompt": " "})

    assert response.context["form"].errors["prompt"] == ["Say what the picture should show."]
    assert not Job.objects.exists()


@pytest.mark.parametrize("field", ["prompt", "negative_prompt"])
def test_a_weight_that_no_model_survives_is_an_error_of_its_field(client, alice, field):
    client.force_login(alice)

    response = client.post(URL, {**FILLED, field: "(" * 1_000 + "house"})

    expected = ["Use weights up to 10. Nested brackets multiply."]
    assert response.context["form"].errors == {field: expected}
    assert not Job.objects.exists()


def test_without_minutes_the_job_is_parked(client, alice):
    spend_all_but(alice, 10)
    client.force_login(alice)

    response = client.post(URL, FILLED, follow=True)

    assert Job.objects.get().status == Status.PARKED
    assert reverse("billing:buy", args=["minutes-100"]) in response.text


def test_no_more_than_some_jobs_are_parked(client, alice):
    spend_all_but(alice, 10)
    for _ in range(admission.MOST_PARKED):
        make_job(alice, status=Status.PARKED)
    client.force_login(alice)

    response = client.post(URL, FILLED)

    assert reverse("billing:plan") in str(response.context["form"].non_field_errors())
    assert Job.objects.count() == admission.MOST_PARKED


def test_who_has_not_paid_is_told_so(client, alice):
    Subscription.objects.update(
        status=Subscription.Status.PAST_DUE,
        current_period_start=timezone.now() - timedelta(days=8),
    )
    client.force_login(alice)

    response = client.post(URL, FILLED)

    assert "Your last payment failed." in str(response.context["form"].non_field_errors())
    assert not Job.objects.exists()


def test_more_jobs_in_line_than_the_plan_has_are_refused(client, charlie):
    limit = TRIAL.jobs_at_once * jobs.WAITING_FOR_EACH_RUNNING
    for _ in range(limit):
        make_job(charlie, status=Status.QUEUED)
    client.force_login(charlie)

    response = client.post(URL, FILLED)

    assert response.context["form"].non_field_errors()
    assert Job.objects.count() == limit


def test_who_is_signed_in_but_without_a_token_submits_nothing(alice):
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice)

    assert client.post(URL, FILLED).status_code == 403
    assert not Job.objects.exists()


def test_using_a_picture_again_fills_the_form_with_its_settings_and_seed(client, alice):
    job = make_job(alice, request=make_request(prompt="a blue boat", num_inference_steps=9))
    image = make_image(job)
    client.force_login(alice)

    form = client.get(URL, {"image": image.pk}).context["form"]

    assert form["prompt"].value() == "a blue boat"
    assert form["num_inference_steps"].value() == 9
    assert form["seed"].value() == image.seed
    assert form["keep_seed"].value()


def test_after_a_job_the_form_keeps_everything_but_the_seed(client, alice):
    job = make_job(alice, request=make_request(prompt="a blue boat"))
    client.force_login(alice)

    form = client.get(URL, {"job": job.pk}).context["form"]

    assert form["prompt"].value() == "a blue boat"
    assert form["seed"].value() is None


def test_a_seed_that_is_kept_stays_in_the_form(client, alice):
    client.force_login(alice)

    response = client.post(URL, {**FILLED, "seed": "42", "keep_seed": "on"}, follow=True)

    assert response.context["form"]["seed"].value() == 42


@pytest.mark.parametrize("name", ["job", "image"])
def test_settings_of_others_are_not_found(client, alice, bob, name):
    image = make_image(make_job(alice))
    client.force_login(bob)

    response = client.get(URL, {name: image.pk if name == "image" else image.job_id})

    assert response.status_code == 404


@pytest.mark.parametrize("name", ["job", "image"])
def test_what_cannot_be_an_id_is_not_found(client, alice, name):
    client.force_login(alice)

    assert client.get(URL, {name: "latest"}).status_code == 404


def test_a_prompt_with_markup_is_shown_as_text(client, alice):
    client.force_login(alice)

    response = client.post(URL, {**FILLED, "prompt": "<script>alert(1)</script>"}, follow=True)

    assert "<script>alert" not in response.text
    assert "&lt;script&gt;alert(1)" in response.text


def test_many_pictures_take_as_many_queries_as_one(
    client, alice, django_assert_num_queries, django_assert_max_num_queries
):
    client.force_login(alice)
    make_image(make_job(alice))
    with django_assert_max_num_queries(25) as few:
        client.get(URL)
    for _ in range(29):
        make_image(make_job(alice))

    with django_assert_num_queries(len(few.captured_queries)):
        client.get(URL)


def test_the_quote_grows_with_the_steps(client, alice):
    client.force_login(alice)

    few, many = (
        client.get(QUOTE, {**FILLED, "num_inference_steps": steps}).json() for steps in (1, 150)
    )

    assert few["text"].startswith("about ")
    assert few["text"] != many["text"]
    assert few["errors"] == many["errors"] == {}


def test_the_quote_needs_no_prompt(client, alice):
    client.force_login(alice)

    answer = client.get(QUOTE, {"checkpoint": "sketchbook", "shape": "square"}).json()

    assert answer["text"]


def test_the_quote_says_what_is_wrong(client, alice):
    client.force_login(alice)

    answer = client.get(QUOTE, {**FILLED, "num_inference_steps": 151}).json()

    assert answer["text"] == ""
    assert list(answer["errors"]) == ["num_inference_steps"]


def test_the_quote_is_for_those_who_signed_in(client):
    assert client.get(QUOTE, FILLED).url.startswith(reverse("account_login"))


def test_the_quote_is_only_read(client, alice):
    client.force_login(alice)

    assert client.post(QUOTE, FILLED).status_code == 405
