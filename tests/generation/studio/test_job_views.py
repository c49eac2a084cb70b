import pytest
from django.urls import reverse

from billing import ledger
from billing.models import Unit
from generation import jobs
from generation.live import latest, messages
from generation.live.messages import Progress
from generation.models import Job, Pause, Status
from generation.models.failures import WITHOUT_RETRY
from tests.generation.rows import make_image, make_job, make_request

pytestmark = pytest.mark.django_db
PAGES = ["job", "job_card"]
LISTS = ["jobs_active", "jobs_strip"]


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("status", Status)
def test_a_job_is_shown_in_every_status(client, alice, name, status):
    job = make_job(alice, status=status)
    client.force_login(alice)

    response = client.get(reverse(name, args=[job.pk]))

    assert response.status_code == 200
    assert f'data-status="{status}"' in response.text


def test_a_running_job_shows_what_is_billed_and_beside_it_what_is_free(client, alice):
    job = make_job(alice, status=Status.RUNNING)
    seq = messages.seq_of(job) + 1
    progress = Progress(
        job=str(job.pk), seq=seq, phase="denoising", step=1, steps=2, billed_ms=800, free_ms=33_700
    )
    latest.keep_progress([progress])
    client.force_login(alice)

    page = client.get(reverse("job_card", args=[job.pk])).text

    assert "<span data-billed>0.8 s</span> of GPU time so far, at most 3.0 s" in page
    assert "Waiting and loading: <span data-free>33.7 s</span>, free" in page


def test_a_finished_job_shows_its_picture(client, alice):
    image = make_image(make_job(alice))
    client.force_login(alice)

    page = client.get(image.job.get_absolute_url()).text

    assert reverse("image_file", args=[image.pk]) in page
    assert reverse("image", args=[image.pk]) in page


def test_a_job_that_failed_says_why_and_that_it_was_free(client, alice):
    job = make_job(alice, status=Status.FAILED)
    job.error = "The model gave no usable picture."
    job.save()
    client.force_login(alice)

    page = client.get(job.get_absolute_url()).text

    assert "The model gave no usable picture." in page
    assert "This cost you nothing." in page


def make_failed(user, *, code="lost", **values):
    job = make_job(user, status=Status.FAILED, request=make_request(**values))
    Job.objects.filter(pk=job.pk).update(error_code=code, error="It failed.")
    return job


@pytest.mark.parametrize("code", ["budget", "lost", "load", "error", "storage"])
def test_a_job_that_failed_by_chance_can_be_tried_again(client, alice, code):
    failed = make_failed(alice, code=code, prompt="a blue boat", seed=42, num_inference_steps=9)
    client.force_login(alice)
    failed.refresh_from_db()

    url = reverse("job_retry", args=[failed.pk])
    assert url in client.get(reverse("job_card", args=[failed.pk])).text
    response = client.post(url)

    again = Job.objects.exclude(pk=failed.pk).get()
    assert response.url == f"{reverse('studio')}?job={again.pk}"
    assert again.status == Status.QUEUED
    assert again.request == failed.request


@pytest.mark.parametrize("code", WITHOUT_RETRY)
def test_a_job_that_would_fail_again_is_not_offered_again(client, alice, code):
    failed = make_failed(alice, code=code)
    client.force_login(alice)

    page = client.get(reverse("job_card", args=[failed.pk])).text

    assert reverse("job_retry", args=[failed.pk]) not in page
    assert f"{reverse('studio')}?job={failed.pk}" in page


def test_trying_again_says_what_is_wrong_by_now(client, alice):
    failed = make_failed(alice)
    Job.objects.update(checkpoint="gone", request={**failed.request, "checkpoint": "gone"})
    client.force_login(alice)

    response = client.post(reverse("job_retry", args=[failed.pk]))

    assert response.context["form"].errors["checkpoint"]
    assert Job.objects.count() == 1


@pytest.mark.parametrize("status", [each for each in Status if each != Status.FAILED])
def test_only_a_failed_job_is_tried_again(client, alice, status):
    job = make_job(alice, status=status)
    client.force_login(alice)

    response = client.post(reverse("job_retry", args=[job.pk]))

    assert response.url == job.get_absolute_url()
    assert Job.objects.count() == 1


def test_failed_jobs_of_others_are_not_tried_again(client, alice, bob):
    failed = make_failed(alice)
    client.force_login(bob)

    assert client.post(reverse("job_retry", args=[failed.pk])).status_code == 404
    assert Job.objects.count() == 1


def test_visitors_and_links_try_nothing_again(client, alice):
    url = reverse("job_retry", args=[make_failed(alice).pk])

    assert client.post(url).url.startswith(reverse("account_login"))
    client.force_login(alice)
    assert client.get(url).status_code == 405
    assert Job.objects.count() == 1


@pytest.mark.parametrize("name", [*PAGES, "studio", "image"])
def test_what_a_checkpoint_made_outlives_it(client, alice, name):
    job = make_job(alice)
    Job.objects.update(
        checkpoint="gone", request={**job.request, "checkpoint": "gone", "width": 9_999}
    )
    image = make_image(job)
    arguments = {"studio": [], "image": [image.pk]}.get(name, [job.pk])
    client.force_login(alice)

    response = client.get(reverse(name, args=arguments), {"image": image.pk})

    assert response.status_code == 200


@pytest.mark.parametrize("status", Status)
def test_without_scripts_only_a_job_that_has_not_ended_is_loaded_again(client, alice, status):
    job = make_job(alice, status=status)
    client.force_login(alice)

    page = client.get(job.get_absolute_url()).text

    assert ('http-equiv="refresh"' in page) != job.is_final


@pytest.mark.parametrize("name", PAGES)
def test_jobs_of_others_are_not_found(client, alice, bob, name):
    job = make_job(alice)
    client.force_login(bob)

    assert client.get(reverse(name, args=[job.pk])).status_code == 404


@pytest.mark.parametrize("name", PAGES)
def test_visitors_are_sent_to_sign_in(client, alice, name):
    url = reverse(name, args=[make_job(alice).pk])

    assert client.get(url).url == f"{reverse('account_login')}?next={url}"


@pytest.mark.parametrize("name", PAGES)
def test_a_job_is_only_read(client, alice, name):
    client.force_login(alice)

    assert client.post(reverse(name, args=[make_job(alice).pk])).status_code == 405


def test_canceling_a_queued_job_gives_the_hold_back(client, alice):
    before = ledger.available(alice, Unit.GPU_MS)
    job = jobs.submit(alice, make_request())
    client.force_login(alice)

    response = client.post(reverse("job_cancel", args=[job.pk]))

    job.refresh_from_db()
    assert response.url == job.get_absolute_url()
    assert job.status == Status.CANCELED
    assert ledger.available(alice, Unit.GPU_MS) == before


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        ("parked", "It starts by itself as soon as there are more."),
        ("own_limit", "Your plan makes 2 pictures at a time"),
        ("relaxed", "after everybody’s paid work"),
        ("in_line", "Number 2 in line"),
        ("cold", "once its model can be loaded"),
        ("next", "Next in line. Waiting is free."),
    ],
)
def test_a_job_that_waits_says_why(client, alice, bob, reason, said):
    job = make_waiting(alice, bob, reason)
    client.force_login(alice)

    page = client.get(reverse("job_card", args=[job.pk])).text

    assert said in page


def make_waiting(alice, bob, reason):
    """A waiting job of Alice with this reason."""
    if reason != "cold":
        latest.note_warm(["sketchbook"])
    if reason == "in_line":
        make_job(bob, status=Status.QUEUED)
    if reason == "own_limit":
        for _ in range(2):
            make_job(alice, status=Status.RUNNING)
    status = Status.PARKED if reason == "parked" else Status.QUEUED
    job = make_job(alice, status=status)
    Job.objects.filter(pk=job.pk).update(rank=1, jobs_at_once=2, is_relaxed=reason == "relaxed")
    return job


def test_a_paused_job_says_where_it_is_and_why(client, alice):
    job = make_job(alice, status=Status.QUEUED)
    Job.objects.filter(pk=job.pk).update(paused_step=1, paused_for=Pause.PAID_FIRST)
    client.force_login(alice)

    page = client.get(reverse("job_card", args=[job.pk])).text

    assert "Paused" in page
    assert "at step 1 of 2." in page
    assert "It made room for a paid picture." in page


@pytest.mark.parametrize(
    ("why", "said"),
    [
        (Pause.PAID_FIRST, "Continued from step 1."),
        (Pause.WORKER_LOST, "Continued on another machine, from step 1."),
    ],
)
def test_a_job_that_goes_on_says_from_where(client, alice, why, said):
    job = make_job(alice, status=Status.RUNNING)
    Job.objects.filter(pk=job.pk).update(paused_step=1, paused_for=why)
    client.force_login(alice)

    assert said in client.get(reverse("job_card", args=[job.pk])).text


def test_a_parked_job_has_a_button_to_buy_and_a_way_to_the_plans(client, alice):
    job = make_job(alice, status=Status.PARKED)
    client.force_login(alice)

    page = client.get(job.get_absolute_url()).text

    assert reverse("billing:buy", args=["minutes-100"]) in page
    assert reverse("billing:plans") in page
    assert "Your plan brings new minutes on" in page


@pytest.mark.parametrize("status", [Status.SUCCEEDED, Status.FAILED, Status.CANCELED])
def test_canceling_a_job_that_ended_changes_nothing(client, alice, status):
    job = make_job(alice, status=status)
    client.force_login(alice)

    response = client.post(reverse("job_cancel", args=[job.pk]))

    job.refresh_from_db()
    assert response.status_code == 302
    assert job.status == status


def test_jobs_of_others_cannot_be_canceled(client, alice, bob):
    job = jobs.submit(alice, make_request())
    client.force_login(bob)

    response = client.post(reverse("job_cancel", args=[job.pk]))

    job.refresh_from_db()
    assert response.status_code == 404
    assert job.status == Status.QUEUED


def test_a_link_does_not_cancel(client, alice):
    job = jobs.submit(alice, make_request())
    client.force_login(alice)

    assert client.get(reverse("job_cancel", args=[job.pk])).status_code == 405
    job.refresh_from_db()
    assert job.status == Status.QUEUED


def test_visitors_cannot_cancel(client, alice):
    job = jobs.submit(alice, make_request())

    client.post(reverse("job_cancel", args=[job.pk]))

    job.refresh_from_db()
    assert job.status == Status.QUEUED


def test_the_active_jobs_come_with_the_minutes(client, alice):
    active = make_job(alice, status=Status.QUEUED)
    make_job(alice)
    client.force_login(alice)

    answer = client.get(reverse("jobs_active")).json()

    assert [state["job"] for state in answer["jobs"]] == [str(active.pk)]
    assert answer["balance_ms"] == ledger.available(alice, Unit.GPU_MS)


@pytest.mark.parametrize("name", LISTS)
def test_active_jobs_of_others_are_not_listed(client, alice, bob, name):
    job = make_job(alice, status=Status.RUNNING)
    client.force_login(bob)

    assert str(job.pk) not in client.get(reverse(name)).text


@pytest.mark.parametrize("name", LISTS)
def test_visitors_have_no_active_jobs(client, name):
    assert client.get(reverse(name)).url.startswith(reverse("account_login"))


@pytest.mark.parametrize("name", LISTS)
def test_the_lists_are_only_read(client, alice, name):
    client.force_login(alice)

    assert client.post(reverse(name)).status_code == 405


def test_a_variation_has_its_own_seed_on_the_pages_of_job_and_picture(client, alice):
    request = make_request(subseed=40, subseed_strength=0.25, eta=0.5, clip_skip=2, num_images=2)
    job = make_job(alice, request=request)
    image = make_image(job, index=1)
    client.force_login(alice)

    pages = [client.get(each.get_absolute_url()).text for each in (job, image)]

    for page, subseed in zip(pages, (40, 41), strict=True):
        assert f"<dd>{subseed} (0.25)</dd>" in page
        assert "<dt>Clip skip</dt><dd>2</dd>" in page
        assert "<dt>Eta</dt><dd>0.5</dd>" in page
    values = client.get(f"{reverse('studio')}?image={image.pk}").context["form"].initial
    assert (values["subseed"], values["subseed_strength"]) == (41, 0.25)
