import re
import time
from datetime import timedelta

import pytest
from django.core.cache import cache
from django.test import AsyncClient
from django.urls import reverse
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

from billing import reconciliation
from billing.models import StripeEvent, Wallet
from generation import jobs, tasks
from generation.models import Job
from generation.queue import valkey as shared
from sdsite import health, metrics
from tests.generation.carrying import (
    CHARGED_MS,
    claim,
    finish,
    let_lapse,
    pause_after,
    submit,
    submit_and_claim,
)
from tests.generation.workers import say
from tests.valkey import Valkey

pytestmark = pytest.mark.django_db

URL = reverse("metrics")


def scrape(client, **options):
    """Every sample by its name and labels, as Prometheus reads them."""
    response = client.get(URL, **options)
    assert response.status_code == 200
    return {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(response.text)
        for sample in family.samples
    }


def value(samples, name, **labels):
    return samples[name, *sorted(labels.items())]


# Access -----------------------------------------------------------------------------------------


def test_this_machine_may(client):
    assert client.get(URL).status_code == 200


@pytest.mark.parametrize("address", ["::1", "127.0.0.9"])
def test_so_may_its_other_addresses(client, address):
    assert client.get(URL, REMOTE_ADDR=address).status_code == 200


@pytest.mark.parametrize("address", ["10.0.0.7", "2001:db8::1", "", "unix:"])
def test_other_machines_may_not(client, address):
    assert client.get(URL, REMOTE_ADDR=address).status_code == 403


@pytest.mark.parametrize("header", metrics.FORWARDED)
def test_who_comes_through_a_proxy_is_another_machine(client, header):
    assert client.get(URL, headers={header: "10.0.0.7"}).status_code == 403


def test_behind_a_proxy_everybody_is(client, settings):
    settings.BEHIND_PROXY = True

    assert client.get(URL).status_code == 403


def test_whoever_has_the_token_may(client, settings):
    settings.METRICS_TOKEN = "s3cret"

    response = client.get(URL, headers={"Authorization": "Bearer s3cret"}, REMOTE_ADDR="10.0.0.7")

    assert response.status_code == 200


@pytest.mark.parametrize("given", ["", "s3cret", "Bearer ", "Bearer s3cre", "Bearer sécret"])
def test_nobody_else_may_where_there_is_a_token(client, settings, given):
    settings.METRICS_TOKEN = "s3cret"

    response = client.get(URL, headers={"Authorization": given} if given else {})

    assert (response.status_code, response["WWW-Authenticate"]) == (401, "Bearer")
    assert response.content == b""


def test_an_administrators_session_is_no_token(client, settings, alice):
    settings.METRICS_TOKEN = "s3cret"
    alice.is_staff = alice.is_superuser = True
    alice.save()
    client.force_login(alice)

    assert client.get(URL).status_code == 401


def test_they_are_only_read(client):
    assert client.post(URL).status_code == 405


def test_plain_http_inside_the_house_is_not_redirected(client, settings):
    settings.SECURE_SSL_REDIRECT = True

    assert client.get(URL).status_code == 200


# Values -----------------------------------------------------------------------------------------


def test_jobs_that_have_not_ended_are_counted_by_status_and_checkpoint(client, alice):
    for _ in range(3):
        submit(alice)
    claim()
    Job.objects.queued().update(queued_at=timezone.now() - timedelta(seconds=40))

    samples = scrape(client)

    assert value(samples, "sdsite_jobs", status="queued", checkpoint="sketchbook") == 2
    assert value(samples, "sdsite_jobs", status="running", checkpoint="sketchbook") == 1
    assert value(samples, "sdsite_jobs", status="queued", checkpoint="sd-1.5") == 0
    assert value(samples, "sdsite_queue_depth") == 2
    assert value(samples, "sdsite_queue_oldest_wait_seconds") == pytest.approx(40, abs=5)


def test_a_paused_job_has_not_waited_while_it_ran(client, alice):
    pause_after(submit_and_claim(alice), waited=40, ran=300)

    samples = scrape(client)

    assert value(samples, "sdsite_queue_oldest_wait_seconds") == pytest.approx(40, abs=5)


def test_an_empty_line_waits_for_nothing(client):
    samples = scrape(client)

    assert value(samples, "sdsite_queue_depth") == 0
    assert value(samples, "sdsite_queue_oldest_wait_seconds") == 0


def test_what_jobs_did_is_counted_on(client, alice, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        submit(alice)
        finish(claim())

    samples = scrape(client)

    done = {"checkpoint": "sketchbook"}
    assert value(samples, "sdsite_jobs_submitted_total", **done) == 1
    assert value(samples, "sdsite_jobs_started_total", **done) == 1
    assert value(samples, "sdsite_jobs_ended_total", status="succeeded", reason="", **done) == 1
    assert value(samples, "sdsite_charged_seconds_total", **done) == CHARGED_MS / 1_000
    assert value(samples, "sdsite_start_wait_seconds_count") == 1
    assert value(samples, "sdsite_start_wait_seconds_bucket", le="600.0") == 1


def test_waits_are_in_every_group_that_they_fit_into(
    client, alice, bob, django_capture_on_commit_callbacks
):
    for user, seconds in ((alice, 20), (bob, 3)):
        job = submit(user)
        Job.objects.filter(pk=job.pk).update(queued_at=timezone.now() - timedelta(seconds=seconds))
    with django_capture_on_commit_callbacks(execute=True):
        claim()
        claim()

    samples = scrape(client)

    counts = [
        value(samples, "sdsite_start_wait_seconds_bucket", le=le)
        for le in ("2.5", "5.0", "10.0", "30.0", "+Inf")
    ]
    assert counts == [0, 1, 1, 2, 2]
    assert value(samples, "sdsite_start_wait_seconds_sum") == pytest.approx(23, abs=3)


def test_every_worker_speaks_for_itself(client, alice):
    submit(alice)
    say("a:1", running=[claim()], slots=4, device="H200")
    say("b:1", warm=())

    samples = scrape(client)

    one = {"worker": "a:1", "device": "H200"}
    assert value(samples, "sdsite_workers") == 2
    assert value(samples, "sdsite_worker_slots", **one) == 4
    assert value(samples, "sdsite_worker_running_jobs", **one) == 1
    assert value(samples, "sdsite_worker_busy_share", **one) == 0.75
    assert value(samples, "sdsite_worker_batch_rows", **one) == 4.0
    assert value(samples, "sdsite_worker_steps_total", **one) == 10
    assert value(samples, "sdsite_worker_rows_total", **one) == 40
    assert value(samples, "sdsite_worker_busy_seconds_total", phase="step", **one) == 3.0
    assert value(samples, "sdsite_worker_warm_checkpoint", checkpoint="sketchbook", **one) == 1
    assert value(samples, "sdsite_worker_slots", worker="b:1", device="cpu") == 2


def test_the_background_process_shows_when_it_was_heard(client):
    name = "sdsite_background_heard_timestamp_seconds"
    cache.delete("background_heard")
    assert value(scrape(client), name) == 0

    before = time.time()
    tasks.reap()

    assert before <= value(scrape(client), name) <= time.time()


def test_a_lost_worker_shows(client, alice, django_capture_on_commit_callbacks):
    submit(alice)
    let_lapse(claim())
    with django_capture_on_commit_callbacks(execute=True):
        jobs.reap()

    assert value(scrape(client), "sdsite_jobs_returned_total", checkpoint="sketchbook") == 1


def test_events_that_wait_show_with_the_age_of_the_oldest(client):
    for n, attempts in enumerate((0, 3, StripeEvent.MAX_ATTEMPTS)):
        StripeEvent.objects.create(id=f"evt_{n}", type="x", payload={}, attempts=attempts)
    StripeEvent.objects.create(id="evt_9", type="x", payload={}, processed_at=timezone.now())
    StripeEvent.objects.update(received_at=timezone.now() - timedelta(seconds=70))

    samples = scrape(client)

    assert value(samples, "sdsite_webhook_lag_seconds") == pytest.approx(70, abs=5)
    states = ("waiting", "failed", "given_up")
    assert [value(samples, "sdsite_webhook_events", state=state) for state in states] == [2, 1, 1]


def test_books_have_no_difference_before_they_are_compared(client):
    assert ("sdsite_ledger_differences",) not in scrape(client)


def test_books_that_differ_show(client, alice):
    Wallet.objects.filter(user=alice).update(balance=1)
    reconciliation.run()

    samples = scrape(client)

    assert value(samples, "sdsite_ledger_differences") == 2
    assert value(samples, "sdsite_ledger_compared_timestamp_seconds") == pytest.approx(
        timezone.now().timestamp(), abs=60
    )


def test_it_costs_as_many_queries_for_many_jobs_as_for_one(
    client, alice, django_assert_num_queries, django_assert_max_num_queries
):
    submit(alice)
    with django_assert_max_num_queries(4) as few:
        scrape(client)
    for _ in range(15):
        submit(alice)

    with django_assert_num_queries(len(few.captured_queries)):
        scrape(client)


# Metrics of a process ---------------------------------------------------------------------------


def requests(client, **labels):
    return scrape(client).get(("sdsite_http_requests_total", *sorted(labels.items())), 0)


def test_requests_are_counted_by_view_method_and_status(client, alice):
    client.force_login(alice)
    labels = {"view": "job", "method": "GET", "status": "404"}
    before = requests(client, **labels)

    client.get(reverse("job", args=["00000000-0000-0000-0000-000000000000"]))

    assert requests(client, **labels) == before + 1


def test_addresses_without_a_view_are_one(client):
    labels = {"view": "none", "method": "GET", "status": "404"}
    before = requests(client, **labels)

    for path in ("/nothing/", "/nothing/either/"):
        client.get(path)

    assert requests(client, **labels) == before + 2


def test_made_up_methods_are_one(client):
    labels = {"view": "home", "method": "other", "status": "405"}
    before = requests(client, **labels)

    for method in ("BREW", "PROPFIND"):
        client.generic(method, "/")

    assert requests(client, **labels) == before + 2
    assert "BREW" not in client.get(URL).text


def test_a_request_that_breaks_is_counted(client, monkeypatch):
    monkeypatch.setattr(health, "CHECKS", None)
    client.raise_request_exception = False
    labels = {"view": "readyz", "method": "GET", "status": "500"}
    before = requests(client, **labels)

    client.get("/readyz")

    assert requests(client, **labels) == before + 1


async def test_an_asynchronous_server_counts_the_same(client):
    def times():
        text = metrics.generate_latest(metrics.REGISTRY).decode()
        found = re.search(r'http_request_seconds_count\{view="healthz"\} (\S+)', text)
        return float(found[1]) if found else 0

    before = times()

    await AsyncClient().get("/healthz")

    assert times() == before + 1


# Servers that are down --------------------------------------------------------------------------


def test_without_valkey_the_rest_is_still_told(client, settings, alice):
    submit(alice)
    with Valkey() as valkey:
        settings.REDIS_URL = valkey.url
        shared.client.cache_clear()
        valkey.kill()
        try:
            samples = scrape(client)
        finally:
            shared.client.cache_clear()

    assert value(samples, "sdsite_part_up", part="tally") == 0
    assert value(samples, "sdsite_part_up", part="jobs") == 1
    assert value(samples, "sdsite_queue_depth") == 1


def test_a_part_that_breaks_halfway_is_left_out_whole(client, monkeypatch):
    def broken():
        yield metrics.GaugeMetricFamily("sdsite_half", "Half of it.", value=1)
        raise OSError

    monkeypatch.setitem(metrics.PARTS, "jobs", broken)

    samples = scrape(client)

    assert value(samples, "sdsite_part_up", part="jobs") == 0
    assert ("sdsite_half",) not in samples
