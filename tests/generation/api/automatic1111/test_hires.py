"""AUTOMATIC1111's high-resolution pass: a second job from the first one's image; both are charged."""

import json
import re

import pytest

from billing import ledger
from billing.models import Unit
from generation import jobs
from generation.api import wait
from generation.models import Job, Status, Upload
from tests.generation.api.callers import Caller
from tests.generation.api.formats import IMG2IMG
from tests.generation.books import assert_books_balance
from tests.generation.carrying import CHARGES
from tests.generation.rows import make_image

pytestmark = pytest.mark.django_db
ADDRESS = "/sdapi/v1/txt2img"
WISH = {
    "prompt": "a tree",
    "negative_prompt": "rain",
    "width": 64,
    "height": 128,
    "steps": 30,
    "seed": 7,
    "sampler_name": "DDIM",
    "cfg_scale": 4,
    "enable_hr": True,
    "hr_scale": 2,
    "hr_upscaler": "Latent",
    "denoising_strength": 0.5,
}
NAME = {"Idempotency-Key": "one"}


@pytest.fixture
def worker(monkeypatch):
    """End each job that is waited for; returns the set of job numbers to cancel instead."""
    stopped = set()

    async def until_ended(job, **options):
        return await wait.in_thread(ended)(job)

    def ended(job):
        while not (job := Job.objects.get(pk=job.pk)).is_final:
            end(jobs.claim(worker="machine:1"))
        return job

    def end(job):
        if Job.objects.filter(created_at__lt=job.created_at).count() in stopped:
            jobs.stop(job, [])
            return
        request = job.generation_request
        for index in range(request.num_images):
            make_image(job, index=index, size=(request.width, request.height))
        jobs.finish(job, [], CHARGES)

    monkeypatch.setattr(wait, "until_ended", until_ended)
    return stopped


def passes():
    """The job of the first pass, and those of the second."""
    first, *second = Job.objects.order_by("created_at")
    return first, second


def prices(caller):
    """The prices of the first pass and of the second."""
    wish = {"prompt": "a", "num_inference_steps": 30}
    sizes = [(64, 128), (128, 256)]
    return [
        caller.post("/api/v1/quote", {**wish, "width": width, "height": height}).json()["price"]
        for width, height in sizes
    ]


def test_the_picture_comes_larger_from_itself_and_both_passes_are_charged(caller, worker):
    answer = caller.post(ADDRESS, WISH)

    assert answer.status_code == 200, answer.content
    first, (second,) = passes()
    one, two = first.generation_request, second.generation_request
    assert (one.mode, one.width, one.height) == ("text_to_image", 64, 128)
    assert (two.mode, two.width, two.height) == ("image_to_image", 128, 256)
    assert (two.strength, two.num_inference_steps, two.guidance_scale) == (0.5, 30, 4)
    assert (two.prompt, two.negative_prompt) == ("a tree", "rain")
    upload = Upload.objects.get(digest=two.image)
    assert (upload.width, upload.height) == (64, 128)
    assert two.seed == first.images.get().seed
    assert [first.charged_credits, second.charged_credits] == prices(caller)
    assert_books_balance()


def test_the_answer_has_the_larger_pictures_and_says_how_they_were_made(caller, worker):
    answer = caller.post(ADDRESS, {**WISH, "batch_size": 2}).json()

    assert len(answer["images"]) == 2
    assert Job.objects.filter(status=Status.SUCCEEDED).count() == Job.objects.count() == 3
    info = json.loads(answer["info"])
    assert (info["width"], info["height"], info["denoising_strength"]) == (64, 128, 0.5)
    assert info["extra_generation_params"] == {
        "Schedule type": "Uniform",
        "Denoising strength": 0.5,
        "Hires resize": "128x256",
        "Hires steps": 30,
    }
    assert "Size: 64x128" in info["infotexts"][0]
    assert info["infotexts"][0].endswith("Hires resize: 128x256, Hires steps: 30")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"hr_scale": 1.5}, {"width": 96, "height": 192}),
        ({"hr_resize_x": 128, "hr_resize_y": 128}, {"width": 128, "height": 128}),
        ({"hr_resize_x": 128}, {"width": 128, "height": 256}),
        ({"hr_resize_y": 192}, {"width": 96, "height": 192}),
        ({"hr_second_pass_steps": 12}, {"num_inference_steps": 12}),
        ({"hr_prompt": "a boat"}, {"prompt": "a boat", "negative_prompt": "rain"}),
        ({"hr_sampler_name": "Euler a"}, {"noise_scheduler": "euler_ancestral"}),
        ({"hr_sampler_name": "Use same sampler"}, {"noise_scheduler": "ddim"}),
        (
            {"hr_sampler_name": "DPM2", "hr_scheduler": "Use same scheduler"},
            {"noise_scheduler": "dpm2", "sigma_schedule": "karras"},
        ),
        ({"hr_scheduler": "SGM Uniform"}, {"sigma_schedule": "sgm_uniform"}),
        ({"hr_checkpoint_name": "Use same checkpoint"}, {"checkpoint": "sketchbook"}),
        ({"denoising_strength": None}, {"strength": 0.75}),
    ],
)
def test_the_second_pass_has_settings_of_its_own(caller, worker, changes, expected):
    assert caller.post(ADDRESS, {**WISH, **changes}).status_code == 200

    _first, (second,) = passes()
    request = second.generation_request
    assert {name: getattr(request, name) for name in expected} == expected


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"hr_scale": 100}, "hr_scale"),
        ({"hr_scale": 0}, "hr_scale"),
        ({"hr_scale": -2}, "hr_scale"),
        ({"hr_scale": 1e300}, "hr_scale"),
        ({"hr_resize_x": 10**9}, "hr_scale"),
        ({"hr_second_pass_steps": -1}, "hr_second_pass_steps"),
        ({"denoising_strength": 0}, "denoising_strength"),
        ({"denoising_strength": 7}, "denoising_strength"),
        ({"hr_checkpoint_name": "unknown"}, "hr_checkpoint_name"),
    ],
)
def test_what_is_wrong_with_the_second_pass_is_said_before_the_first(caller, changes, param):
    response = caller.post(ADDRESS, {**WISH, **changes})

    assert response.status_code == 422, response.content
    assert param in [each["loc"][1] for each in response.json()["detail"]]
    assert not Job.objects.exists()


def test_a_scale_that_json_lacks_is_refused(caller):
    assert caller.post(ADDRESS, {**WISH, "hr_scale": float("nan")}).status_code == 400
    assert not Job.objects.exists()


def test_a_second_pass_that_the_key_may_not_make_is_refused_before_the_first(client, buyer):
    caller = Caller(client, buyer, max_pixels=64 * 128)

    assert caller.post(ADDRESS, WISH).status_code == 403
    assert not Job.objects.exists()


def test_without_credits_for_both_neither_is_made(caller, buyer, worker):
    rest = ledger.available(buyer, Unit.CREDITS) - sum(prices(caller)) + 1
    ledger.hold(buyer, unit=Unit.CREDITS, amount=rest, reference="something else")
    ledger.capture("something else", amount=rest)

    response = caller.post(ADDRESS, WISH)

    assert (response.status_code, response.json()["errors"]) == (402, "insufficient_credits")
    assert not Job.objects.exists()
    assert caller.post(ADDRESS, {**WISH, "enable_hr": False}).status_code == 200


def test_without_budget_for_both_neither_is_made(client, buyer, caller, worker):
    both = sum(prices(caller))
    short, enough = Caller(client, buyer, budget=both - 1), Caller(client, buyer, budget=both)

    response = short.post(ADDRESS, WISH)

    assert (response.status_code, response.json()["errors"]) == (402, "budget_exceeded")
    assert not Job.objects.exists()
    assert enough.post(ADDRESS, WISH).status_code == 200


def test_what_is_spent_elsewhere_between_the_passes_ends_it_with_the_first_kept(
    caller, buyer, worker, monkeypatch
):
    finish = jobs.finish

    def finish_and_spend(job, *args):
        finish(job, *args)
        rest = ledger.available(buyer, Unit.CREDITS)
        ledger.hold(buyer, unit=Unit.CREDITS, amount=rest, reference="something else")
        ledger.capture("something else", amount=rest)

    monkeypatch.setattr(jobs, "finish", finish_and_spend)

    response = caller.post(ADDRESS, WISH)

    assert (response.status_code, response.json()["errors"]) == (402, "insufficient_credits")
    first, second = passes()
    assert (first.status, first.images.count(), second) == (Status.SUCCEEDED, 1, [])
    assert_books_balance()


def test_the_same_request_again_is_the_same_picture(caller, worker):
    first = caller.post(ADDRESS, WISH, **NAME).json()
    again = caller.post(ADDRESS, WISH, **NAME).json()

    assert again["images"] == first["images"]
    assert Job.objects.count() == 2


def test_a_request_that_broke_off_in_the_second_pass_joins_it(caller, worker, monkeypatch):
    async def broken(placed):
        raise ConnectionResetError

    with monkeypatch.context() as patch:
        patch.setattr(wait, "until_all_ended", broken)
        assert caller.post(ADDRESS, WISH, **NAME).status_code == 500
    answer = caller.post(ADDRESS, WISH, **NAME)

    assert len(answer.json()["images"]) == 1
    assert Job.objects.count() == 2


def test_interrupted_in_the_first_pass_there_is_no_second(caller, worker):
    worker.add(0)

    answer = caller.post(ADDRESS, WISH).json()

    assert answer["images"] == []
    assert Job.objects.count() == 1


def test_interrupted_in_the_second_pass_what_was_made_is_delivered(caller, worker):
    worker.add(2)

    answer = caller.post(ADDRESS, {**WISH, "batch_size": 2}).json()

    assert len(answer["images"]) == 1


def test_interrupt_stops_all_that_was_asked_for_together(caller, monkeypatch):
    async def nobody_waits(placed):
        return placed

    monkeypatch.setattr(wait, "until_all_ended", nobody_waits)
    caller.post("/v1/images/generations", {"prompt": "a tree", "size": "128x128", "n": 6})
    assert Job.objects.active().count() == 2
    later = caller.post("/api/v1/jobs", {"prompt": "a house"}).json()["id"]

    caller.post("/sdapi/v1/interrupt")

    assert [str(job.pk) for job in Job.objects.active()] == [later]


def test_img2img_has_no_second_pass(caller, worker):
    assert caller.post(IMG2IMG[0], {**IMG2IMG[1], "enable_hr": True}).status_code == 200
    assert Job.objects.count() == 1


# Missing features -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("/sdapi/v1/interrogate", "put into words"),
        ("/controlnet/txt2img", "ControlNet"),
        ("/controlnet/detect", "ControlNet"),
    ],
)
def test_a_missing_feature_is_refused_in_the_formats_own_words(caller, client, address, said):
    response = caller.post(address, {"image": "", "model": "clip"})

    assert (response.status_code, response.json()["errors"]) == (404, "not_here")
    assert re.search(said, response.json()["detail"])
    assert client.post(address).status_code == 401
    in_address = client.post(f"/a1111/{caller.secret}{address}")
    assert in_address.json()["errors"] == "not_here"


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"script_name": "X/Y/Z plot"}, "script_name"),
        ({"alwayson_scripts": {"ControlNet": {"args": [{"model": "canny"}]}}}, "alwayson_scripts"),
        ({"alwayson_scripts": {"controlnet": {"args": [{"enabled": True}]}}}, "alwayson_scripts"),
        (
            {"alwayson_scripts": {"ADetailer": {"args": [True, {"ad_model": "face"}]}}},
            "alwayson_scripts",
        ),
        ({"alwayson_scripts": {"ADetailer": {"args": [{"ad_model": "face"}]}}}, "alwayson_scripts"),
        ({"alwayson_scripts": {"Refiner": {"args": [True, "xl", 0.8]}}}, "alwayson_scripts"),
        ({"alwayson_scripts": {"reactor": {"args": ["base64", True]}}}, "alwayson_scripts"),
        ({"prompt": "a cat <lora:ink:0.8>"}, "prompt"),
    ],
)
def test_what_would_change_the_picture_and_is_not_here_is_refused(caller, changes, param):
    response = caller.post(ADDRESS, {**WISH, **changes})

    assert (response.status_code, response.json()["detail"][0]["loc"][1]) == (422, param)
    assert not Job.objects.exists()


@pytest.mark.parametrize(
    "scripts",
    [
        None,
        [],
        {},
        {"ControlNet": {"args": []}},
        {"controlnet": {"args": [{"enabled": False}]}},
        {"Refiner": {"args": [False, "", 0.8]}},
        {"ADetailer": {"args": [False]}, "animatediff": {"args": [False]}},
        {"ADetailer": {"args": [{"ad_model": "None"}]}, "Comments": {}},
        {"Sampler": {"args": [20, "Euler", "Automatic"]}, "Seed": {"args": [-1, False]}},
    ],
)
def test_extensions_that_do_nothing_are_ignored(caller, worker, scripts):
    body = {**WISH, "enable_hr": False, "script_name": None, "alwayson_scripts": scripts}

    assert caller.post(ADDRESS, body).status_code == 200
