"""Requests for more images than one job makes: all jobs or none, each charged once."""

import json
import re

import pytest
from asgiref.sync import async_to_sync
from django.test import AsyncClient
from django.urls import reverse

from billing import ledger
from billing.models import Unit
from billing.templatetags.amounts import credits
from generation import jobs, moderation
from generation.api import wait
from generation.engine.request import MAX_SEED
from generation.jobs import admission
from generation.models import Image, Job
from generation.models.api import Order
from tests.generation.api.callers import Caller
from tests.generation.books import assert_books_balance
from tests.generation.carrying import CHARGES
from tests.generation.rows import make_image

pytestmark = pytest.mark.django_db
ADDRESS = "/v1/images/generations"
WISH = {
    "prompt": "a tree",
    "size": "128x128",
    "num_inference_steps": 30,
    "seed": 7,
    "n": 10,
    "response_format": "url",
}
STABILITY = "/v1/generation/sketchbook/text-to-image"


def end_all(*, failing=()):
    """End all queued jobs, the last first; those with a number in `failing` fail."""
    claimed = []
    while job := jobs.claim(worker="machine:1"):
        claimed.append(job)
    for number, job in reversed(list(enumerate(claimed))):
        if number in failing:
            jobs.fail(job, code="budget", message="No picture.")
            continue
        for index in reversed(range(job.generation_request.num_images)):
            make_image(job, index=index)
        jobs.finish(job, [], CHARGES)


@pytest.fixture
def worker(monkeypatch):
    """End all jobs once one is waited for; returns the list of job numbers to fail."""
    failing = []

    async def until_ended(job, **options):
        return await wait.in_thread(ended)(job)

    def ended(job):
        end_all(failing=failing)
        return Job.objects.get(pk=job.pk)

    monkeypatch.setattr(wait, "until_ended", until_ended)
    return failing


def placed():
    return list(Job.objects.order_by("created_at"))


def in_order():
    """The ids of all images in the order of their request."""
    return [str(image.pk) for image in Image.objects.order_by("job__created_at", "index")]


def ids_in(response):
    return [re.search(r"[0-9a-f-]{36}", each["url"])[0] for each in response.json()["data"]]


@pytest.mark.parametrize(("number", "parts"), [(4, [4]), (5, [4, 1]), (8, [4, 4]), (10, [4, 4, 2])])
def test_pictures_come_in_one_answer_in_the_order_of_their_seeds(caller, worker, number, parts):
    response = caller.post(ADDRESS, {**WISH, "n": number})

    requests = [job.generation_request for job in placed()]
    assert [request.num_images for request in requests] == parts
    assert [seed for request in requests for seed in request.seeds] == [*range(7, 7 + number)]
    assert ids_in(response) == in_order()
    assert len(ids_in(response)) == number
    assert response.headers["X-Job-Id"] == ", ".join(str(job.pk) for job in placed())
    assert all(job.charged_credits == job.credits > 0 for job in placed())
    assert_books_balance()


def test_seeds_go_on_where_they_begin_anew(caller, worker):
    caller.post(ADDRESS, {**WISH, "seed": MAX_SEED - 1, "n": 6})

    assert [job.generation_request.seed for job in placed()] == [MAX_SEED - 1, 2]


@pytest.mark.parametrize(
    "headers", [{"X-Stainless-Retry-Count": "1"}, {"Idempotency-Key": "one"}], ids=["retry", "name"]
)
def test_the_same_request_again_is_the_same_pictures(caller, worker, headers):
    first = caller.post(ADDRESS, WISH, **headers)
    spent = sum(job.charged_credits for job in placed())
    # The response was lost.
    Order.objects.update(delivered_at=None)

    again = caller.post(ADDRESS, WISH, **headers)

    assert ids_in(again) == ids_in(first) == in_order()
    assert sum(job.charged_credits for job in placed()) == spent
    assert (Job.objects.count(), Order.objects.exclude(digest="").count()) == (3, 1)


def test_another_number_under_the_same_name_is_refused(caller, worker):
    caller.post(ADDRESS, WISH, **{"Idempotency-Key": "one"})

    response = caller.post(ADDRESS, {**WISH, "n": 9}, **{"Idempotency-Key": "one"})

    assert response.json()["error"]["code"] == "idempotency_key_reused"
    assert Job.objects.count() == 3


def price(caller):
    """The price of one image."""
    wish = {name: WISH[name] for name in ("prompt", "num_inference_steps")}
    return caller.post("/api/v1/quote", {**wish, "width": 128, "height": 128}).json()["price"]


def leave(user, amount):
    """Leave this many credits available and spend the rest."""
    rest = ledger.available(user, Unit.CREDITS) - amount
    ledger.hold(user, unit=Unit.CREDITS, amount=rest, reference="something else")
    ledger.capture("something else", amount=rest)


def test_with_too_little_for_all_nothing_is_held(caller, buyer, worker):
    leave(buyer, price(caller) * 9)

    response = caller.post(ADDRESS, WISH)

    assert (response.status_code, response.json()["error"]["code"]) == (429, "insufficient_quota")
    assert response.headers["x-should-retry"] == "false"
    assert (Job.objects.count(), Order.objects.count()) == (0, 0)
    assert ledger.available(buyer, Unit.CREDITS) == price(caller) * 9
    assert caller.post(ADDRESS, {**WISH, "n": 9}).status_code == 200
    assert ledger.available(buyer, Unit.CREDITS) == 0
    assert_books_balance()


def test_with_too_small_a_budget_for_all_nothing_is_held(client, buyer, caller, worker):
    limited = Caller(client, buyer, budget=price(caller) * 9)

    response = limited.post(ADDRESS, WISH)

    assert response.json()["error"]["code"] == "insufficient_quota"
    assert not Job.objects.exists()
    shown = limited.get("/api/v1/balance").json()
    assert (shown["budget"]["spent"], shown["credits"]["held"]) == (0, 0)
    assert limited.post(ADDRESS, {**WISH, "n": 9}).status_code == 200


def test_with_too_little_room_in_line_none_is_in_it(caller, worker, monkeypatch):
    monkeypatch.setattr(admission, "WAITING_FOR_EACH_RUNNING", 1)
    others = {caller.post("/api/v1/jobs", {"prompt": "a house"}).json()["id"] for _each in range(2)}

    response = caller.post(ADDRESS, WISH)

    assert (response.status_code, response.json()["error"]["code"]) == (429, "rate_limit_exceeded")
    assert {str(job.pk) for job in placed()} == others


def test_what_was_made_and_paid_for_is_delivered_whatever_failed(caller, worker):
    worker.append(1)

    response = caller.post(ADDRESS, WISH)

    assert ids_in(response) == in_order()
    assert len(ids_in(response)) == 6
    assert [job.charged_credits > 0 for job in placed()] == [True, False, True]
    assert_books_balance()


def test_where_all_failed_it_is_said_why(caller, worker):
    worker.extend(range(3))

    response = caller.post(ADDRESS, WISH)

    assert (response.status_code, response.json()["error"]["message"]) == (500, "No picture.")


@pytest.mark.parametrize("number", [0, 11, -1, 2.5])
def test_openai_takes_one_to_ten(caller, number):
    response = caller.post(ADDRESS, {**WISH, "n": number})

    assert (response.status_code, response.json()["error"]["param"]) == (400, "n")
    assert not Job.objects.exists()


@pytest.mark.parametrize(("failing", "completed"), [([], 10), ([0], 6)])
def test_a_stream_tells_of_all_pictures_and_of_a_failure_last(
    caller, monkeypatch, failing, completed
):
    async def read(job_id):
        return await wait.in_thread(ended)(job_id)

    def ended(job_id):
        end_all(failing=failing)
        return Job.objects.select_related("user").get(pk=job_id)

    async def post():
        response = await AsyncClient().post(
            ADDRESS,
            json.dumps({**WISH, "stream": True}),
            content_type="application/json",
            headers=caller.headers,
        )
        return b"".join([piece async for piece in response]).decode()

    monkeypatch.setattr(wait, "read", read)

    told = re.findall(r"^data: (.*)$", async_to_sync(post)(), re.MULTILINE)

    kinds = [json.loads(each).get("type", "error") for each in told]
    assert kinds == ["image_generation.completed"] * completed + ["error"] * len(failing)


def test_the_log_says_what_all_of_them_cost(client, caller, buyer, worker):
    caller.post(ADDRESS, WISH)
    client.force_login(buyer)

    page = client.get(reverse("developer_calls")).text

    cost = credits(sum(job.charged_credits for job in placed()))
    assert f'<td class="amount">{cost}</td>' in page


# Stability's v1 -------------------------------------------------------------------------------------


def test_stability_makes_as_many_samples(caller, worker):
    body = {"text_prompts": [{"text": "a tree"}], "samples": 6, "seed": 7, "width": 128}

    response = caller.post(STABILITY, body)

    assert [each["finishReason"] for each in response.json()["artifacts"]] == ["SUCCESS"] * 6
    assert [job.generation_request.seed for job in placed()] == [7, 11]
    assert caller.post(STABILITY, {**body, "samples": 11}).status_code == 400


def test_stability_knows_a_request_without_a_seed_again(caller, worker):
    body = {"text_prompts": [{"text": "a tree"}], "samples": 5}

    for _time in range(2):
        assert caller.post(STABILITY, body, **{"Idempotency-Key": "one"}).status_code == 200

    assert Job.objects.count() == 2


def unexpected(*_given, **_named):
    """Stand in for the prompt policy, to notice that it was asked."""
    raise ZeroDivisionError


@pytest.mark.parametrize("limits", [{}, {"budget": 1}])
def test_a_prompt_is_not_read_for_a_key_that_cannot_pay(client, buyer, alice, monkeypatch, limits):
    monkeypatch.setattr(moderation, "require_allowed", unexpected)
    caller = Caller(client, buyer if limits else alice, **limits)

    response = caller.post("/api/v1/jobs", {"prompt": "a tree"})

    assert response.status_code == 402
    assert not Job.objects.exists()


def test_a_retry_is_answered_even_when_the_money_is_spent(client, buyer):
    caller = Caller(client, buyer)
    body, headers = {"prompt": "a tree"}, {"Idempotency-Key": "one"}
    first = caller.post("/api/v1/jobs", body, **headers).json()
    caller.key.budget = 1
    caller.key.save()

    assert caller.post("/api/v1/jobs", body, **headers).json()["id"] == first["id"]
    assert Job.objects.count() == 1
