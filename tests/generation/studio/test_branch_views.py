"""Branches of a picture, and drafts that are finished."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse

from billing import ledger
from billing.models import Unit
from billing.templatetags.amounts import gpu_time
from generation import jobs
from generation.engine.failures import MESSAGES, FailureCode
from generation.images import kept_states
from generation.models import Image, Job, KeptState, Refusal, Status
from generation.queue import estimates
from tests import factories
from tests.generation.rows import make_draft, make_image, make_job, make_request, make_state

pytestmark = pytest.mark.django_db
STEPS = 20
FORBIDDEN = "a nude woman"


@pytest.fixture
def image(alice):
    return make_image(make_job(alice, request=make_request(num_inference_steps=STEPS)))


@pytest.fixture
def states(image):
    return [make_state(image, step=step) for step in (5, 10, 15)]


@pytest.fixture
def draft(alice):
    return _draft_of(alice)


def _draft_of(user):
    request = make_request(num_inference_steps=STEPS, num_images=8, draft_steps=6)
    job = make_job(user, request=request)
    return [make_draft(job, index=index) for index in range(8)][2]


def spend_all_but(user, ms):
    spare = ledger.available(user, Unit.GPU_MS) - ms
    ledger.hold(user, unit=Unit.GPU_MS, amount=spare, reference="spent elsewhere")


def url_of(image):
    return reverse("branch", args=[image.pk])


def finish(draft):
    return reverse("finish_draft", args=[draft.pk])


def in_words(request):
    quote = estimates.quote(request)
    return f"about {gpu_time(quote.likely_ms)}, at most {gpu_time(quote.ceiling_ms)} of GPU time"


def newest():
    return Job.objects.latest("created_at")


def test_a_picture_with_states_leads_to_its_branches(client, alice, image, states):
    client.force_login(alice)

    assert url_of(image) in client.get(image.get_absolute_url()).text
    KeptState.objects.all().delete()
    assert url_of(image) not in client.get(image.get_absolute_url()).text


def test_the_page_has_the_pictures_words_and_a_price_for_each_step(client, alice, image, states):
    client.force_login(alice)

    response = client.get(url_of(image))

    form = response.context["form"]
    assert form["prompt"].value() == image.job.request["prompt"]
    assert [label for _id, label in form.fields["state"].choices] == [
        f"Step {state.step} of 20: strength {strength}, {in_words(kept_states.branch(state))}"
        for state, strength in zip(states, ("0.75", "0.5", "0.25"), strict=True)
    ]
    assert 'name="guidance_scale"' in response.text


def test_other_words_make_a_job_that_goes_on_from_the_step(client, alice, image, states):
    client.force_login(alice)

    values = {"state": states[1].pk, "prompt": "a blue house", "guidance_scale": "6"}
    response = client.post(url_of(image), values)

    job = newest()
    assert response.url == f"{reverse('studio')}?job={job.pk}"
    request = job.generation_request
    assert (request.prompt, request.guidance_scale, request.seed) == ("a blue house", 6, 7)
    assert (request.origin, request.origin_step) == (states[1].digest, 10)
    assert job.branched_from == image.job


def test_empty_guidance_is_the_pictures_own(client, alice, image, states):
    client.force_login(alice)

    client.post(url_of(image), {"state": states[0].pk, "prompt": "a blue house"})

    assert newest().request["guidance_scale"] == image.job.request["guidance_scale"]


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"prompt": " "}, "prompt"),
        ({"prompt": "(" * 1_000 + "house"}, "prompt"),
        ({"guidance_scale": "31"}, "guidance_scale"),
        ({"state": "something"}, "state"),
    ],
)
def test_bad_values_are_errors_of_their_fields(client, alice, image, states, values, field):
    client.force_login(alice)
    good = {"state": states[0].pk, "prompt": "a blue house"}

    response = client.post(url_of(image), good | values)

    assert list(response.context["form"].errors) == [field]
    assert not Job.objects.filter(branched_from=image.job).exists()


def test_switching_guidance_on_costs_no_more_than_the_page_says(client, alice):
    request = make_request(num_inference_steps=100, guidance_scale=1.0)
    image = make_image(make_job(alice, request=request))
    state = make_state(image, step=10)
    client.force_login(alice)
    [(_id, label)] = client.get(url_of(image)).context["form"].fields["state"].choices

    client.post(url_of(image), {"state": state.pk, "prompt": "a blue house", "guidance_scale": "5"})

    assert f"at most {gpu_time(newest().hold_ms)} of GPU time" in label


def test_a_step_that_is_gone_is_said_and_not_charged(client, alice, image):
    client.force_login(alice)

    page = client.get(url_of(image)).text

    assert "The steps of this picture are no longer saved" in page
    assert client.post(url_of(image), {"prompt": "a blue house"}).status_code == 200
    assert newest() == image.job


def test_without_minutes_a_branch_waits_as_every_job_does(client, alice, image, states):
    spend_all_but(alice, 10)
    client.force_login(alice)

    client.post(url_of(image), {"state": states[0].pk, "prompt": "a blue house"})

    assert newest().status == Status.PARKED


def test_nobody_branches_from_anothers_picture(client, bob, image, states, draft):
    client.force_login(bob)

    assert client.get(url_of(image)).status_code == 404
    values = {"state": states[0].pk, "prompt": "a blue house"}
    assert client.post(url_of(image), values).status_code == 404
    assert client.post(finish(draft)).status_code == 404
    assert client.get(draft.preview_url).status_code == 404


def test_visitors_are_sent_to_sign_in(client, image, draft):
    for url in (url_of(image), draft.preview_url):
        assert client.get(url).url.startswith(reverse("account_login"))
    assert client.post(finish(draft)).url.startswith(reverse("account_login"))


def test_drafts_are_finished_by_posting(client, alice, draft):
    client.force_login(alice)

    assert client.get(finish(draft)).status_code == 405


def test_a_finished_job_of_drafts_shows_them_with_both_prices(client, alice, draft):
    client.force_login(alice)

    page = client.get(draft.job.get_absolute_url()).text

    for each in KeptState.objects.all():
        assert finish(each) in page
        assert each.preview_url in page
    assert "Finish the ones you like: about" in page
    assert client.get(draft.preview_url)["Content-Type"] == "image/webp"


def test_finishing_a_draft_places_a_second_hold(client, alice, draft):
    before = ledger.available(alice, Unit.GPU_MS)
    client.force_login(alice)

    response = client.post(finish(draft))

    job = newest()
    assert response.url == f"{reverse('studio')}?job={job.pk}"
    request = job.generation_request
    assert (request.seed, request.num_images, request.draft_steps) == (7 + 2, 1, 0)
    assert (request.origin, request.origin_step, request.own_evaluations) == (draft.digest, 6, 14)
    assert ledger.available(alice, Unit.GPU_MS) == before - job.hold_ms
    page = client.get(draft.job.get_absolute_url()).text
    assert job.get_absolute_url() in page
    assert finish(draft) not in page


def test_a_finished_draft_leads_back_to_the_others(client, alice, draft):
    job = jobs.submit(alice, kept_states.branch(draft))
    jobs.cancel(job)
    client.force_login(alice)

    assert draft.job.get_absolute_url() in client.get(reverse("job_card", args=[job.pk])).text


def test_a_second_click_leads_to_the_first_ones_job(client, alice, image, states, draft):
    client.force_login(alice)
    values = {"state": states[0].pk, "prompt": "a blue house"}

    for url, posted in ((finish(draft), {}), (url_of(image), values)):
        first, second = (client.post(url, posted) for _click in range(2))
        assert first.url == second.url

    assert Job.objects.filter(branched_from__isnull=False).count() == 2


@pytest.mark.django_db(transaction=True)
def test_of_clicks_at_the_same_time_one_counts(alice, draft):
    clients = [Client() for _click in range(4)]
    for each in clients:
        each.force_login(alice)

    def click(client):
        try:
            return client.post(finish(draft))
        finally:
            connection.close()

    with ThreadPoolExecutor(len(clients)) as pool:
        answers = list(pool.map(click, clients))

    assert len({answer.url for answer in answers}) == 1
    assert Job.objects.filter(branched_from=draft.job).count() == 1


def test_longer_words_say_their_price_before_they_are_accepted(client, alice):
    request = make_request(num_inference_steps=150, width=256, height=256)
    image = make_image(make_job(alice, request=request))
    client.force_login(alice)
    long = {"state": make_state(image, step=5).pk, "prompt": "a red house in the snow, " * 100}

    asked = client.post(url_of(image), long)

    (reason,) = asked.context["form"].non_field_errors()
    assert not Job.objects.filter(branched_from=image.job).exists()
    accepted = asked.context["form"]["accepted_ms"].value()
    client.post(url_of(image), {**long, "accepted_ms": accepted})
    assert newest().hold_ms == int(accepted)
    assert gpu_time(newest().hold_ms) in reason


def test_a_refused_prompt_is_noted(client, alice, image, states):
    client.force_login(alice)

    response = client.post(url_of(image), {"state": states[0].pk, "prompt": FORBIDDEN})

    assert "prompt" in response.context["form"].errors
    assert Refusal.objects.filter(user=alice).count() == 1


def test_a_step_that_went_meanwhile_is_named(client, alice, image, states):
    client.force_login(alice)
    gone = states[0].pk
    KeptState.objects.filter(pk=gone).delete()

    response = client.post(url_of(image), {"state": gone, "prompt": "a blue house"})

    assert response.context["form"].errors["state"] == [
        "This step is no longer saved. Choose another one."
    ]


def test_a_draft_whose_picture_was_canceled_is_finished_again(client, alice, draft):
    client.force_login(alice)
    client.post(finish(draft))
    jobs.cancel(newest())

    client.post(finish(draft))

    assert Job.objects.filter(branched_from=draft.job).count() == 2


def test_without_its_model_nothing_goes_on(client, alice, image, states, draft):
    for job in Job.objects.all():
        job.request["checkpoint"] = job.checkpoint = "gone"
        job.save()
    Image.objects.update(checkpoint="gone")
    client.force_login(alice)

    assert "no longer saved" in client.get(url_of(image)).text
    assert "These drafts are no longer available." in client.get(draft.job.get_absolute_url()).text
    assert client.post(finish(draft)).url == draft.job.get_absolute_url()
    assert not Job.objects.filter(branched_from__isnull=False).exists()


def test_with_too_little_left_finishing_is_refused_in_so_many_words(client, alice, draft):
    spend_all_but(alice, 10)
    client.force_login(alice)

    response = client.post(finish(draft), follow=True)

    assert "and you have 0.0 s left" in response.text
    assert reverse("billing:plan") in response.text
    assert not Job.objects.filter(branched_from=draft.job).exists()


def test_a_plan_that_relaxes_finishes_drafts_without_minutes(client):
    dora = factories.make_user("dora@example.com")
    factories.subscribe(dora, plan="standard")
    draft = _draft_of(dora)
    spend_all_but(dora, 10)
    client.force_login(dora)

    client.post(finish(draft))

    assert newest().is_relaxed


def test_expired_drafts_say_so(client, alice, draft):
    KeptState.objects.all().delete()
    client.force_login(alice)

    assert "These drafts are no longer available." in client.get(draft.job.get_absolute_url()).text
    assert client.post(finish(draft)).status_code == 404


def test_trying_again_repeats_a_branch_from_its_step(client, alice, image, states):
    job = jobs.submit(alice, kept_states.branch(states[0], prompt="a blue house"))
    _fail(job)
    client.force_login(alice)

    client.post(reverse("job_retry", args=[job.pk]))

    assert newest() != job
    assert newest().generation_request == job.generation_request
    assert newest().branched_from == image.job


def test_trying_again_after_the_step_is_gone_is_refused(client, alice, states):
    job = jobs.submit(alice, kept_states.branch(states[0]))
    _fail(job)
    KeptState.objects.all().delete()
    client.force_login(alice)

    response = client.post(reverse("job_retry", args=[job.pk]), follow=True)

    assert response.redirect_chain[-1][0] == job.get_absolute_url()
    assert "be continued any more. Create it again." in response.text
    assert newest() == job


def test_trying_drafts_again_counts_once(client, alice):
    job = jobs.submit(alice, make_request(num_inference_steps=STEPS, num_images=8, draft_steps=6))
    _fail(job)
    client.force_login(alice)

    for _click in range(2):
        client.post(reverse("job_retry", args=[job.pk]))

    again = newest()
    assert Job.objects.count() == 2
    assert again.generation_request == job.generation_request


def _fail(job):
    claimed = jobs.claim(worker="machine:1")
    assert claimed == job
    code = FailureCode.ERROR
    jobs.fail(claimed, code=code, message=MESSAGES[code])


def test_the_settings_of_a_branch_say_that_they_start_anew(client, alice, states):
    job = jobs.submit(alice, kept_states.branch(states[0]))
    client.force_login(alice)

    page = client.get(f"{reverse('studio')}?job={job.pk}").text

    assert "It was continued from step 5 of another picture." in page
    assert "step 5 of another picture" in client.get(job.get_absolute_url()).text


def test_the_settings_of_drafts_make_one_picture(client, alice, draft):
    client.force_login(alice)

    response = client.get(f"{reverse('studio')}?job={draft.job_id}")

    assert response.context["form"]["num_images"].value() == 1
