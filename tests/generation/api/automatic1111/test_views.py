"""AUTOMATIC1111's txt2img, img2img, progress and interrupt."""

import base64
import json

import pytest

from generation import jobs
from generation.live import latest, messages
from generation.live.messages import Progress
from generation.models import Job
from tests.generation.api.formats import (
    TXT2IMG,
    ask,
    text,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("short_waits")]


def test_automatic1111s_info_is_what_its_clients_read(caller, worker):
    answer = ask(caller, TXT2IMG).json()

    info = json.loads(answer["info"])
    assert info["seed"] == Job.objects.get().generation_request.seed
    assert "Steps: 30" in info["infotexts"][0]
    assert (answer["parameters"]["eta"], len(answer["images"])) == (0, 1)


def test_automatic1111_asks_for_a_sampler_by_its_name(caller, worker):
    address, body, _is_form = TXT2IMG

    caller.post(address, {**body, "sampler_name": "DPM++ 2M", "scheduler": "Karras"})

    assert Job.objects.get().generation_request.noise_scheduler == "dpmpp_2m_karras"


def run(job):
    claimed = jobs.claim(worker="machine:1")
    assert claimed == job
    seq = messages.seq_of(claimed) + 1
    latest.keep_progress([Progress(job=str(job.pk), seq=seq, phase="denoising", step=15, steps=30)])
    latest.keep_previews({job.pk: (seq, b"jpeg")})


def test_progress_and_interrupt_concern_the_keys_own_jobs_alone(caller, anothers):
    job = Job.objects.get(
        pk=caller.post("/api/v1/jobs", {"prompt": "a", "num_inference_steps": 30}).json()["id"]
    )
    run(job)

    mine = caller.get("/sdapi/v1/progress").json()
    theirs = anothers.get("/sdapi/v1/progress").json()
    anothers.post("/sdapi/v1/interrupt")

    assert (mine["progress"], mine["state"]["sampling_step"]) == (0.5, 15)
    assert base64.b64decode(mine["current_image"]) == b"jpeg"
    assert (theirs["progress"], theirs["state"]["job_count"]) == (0.0, 0)
    job.refresh_from_db()
    assert not job.cancel_requested
    caller.post("/sdapi/v1/interrupt")
    job.refresh_from_db()
    assert job.cancel_requested


@pytest.mark.parametrize(
    "changes",
    [
        {"width": 7},
        {"steps": -1},
        {"batch_size": 100},
        {"batch_size": -1, "n_iter": -1},
        {"prompt": None},
        {"seed": "x"},
    ],
)
def test_automatic1111_names_what_is_wrong(caller, changes):
    address, body, _is_form = TXT2IMG

    response = caller.post(address, {**body, **changes})

    assert response.status_code == 422
    assert response.json()["detail"][0]["loc"][0] == "body"
    assert not Job.objects.exists()


def test_automatic1111_refuses_numbers_that_json_lacks(caller):
    address, body, _is_form = TXT2IMG

    response = caller.post(address, {**body, "cfg_scale": float("nan")})

    assert response.status_code == 400
    assert not Job.objects.exists()


@pytest.mark.parametrize("init_images", [None, [], ["%%%"], [7], "aGVsbG8=", [text(b"hello")]])
def test_automatic1111_wants_a_picture_to_change(caller, init_images):
    response = caller.post("/sdapi/v1/img2img", {"prompt": "a", "init_images": init_images})

    assert response.status_code in {404, 422}
    assert not Job.objects.exists()


def test_automatic1111_uses_one_picture_and_refuses_two(caller):
    body = {"prompt": "a", "init_images": [text(), text()]}

    response = caller.post("/sdapi/v1/img2img", body)

    assert response.status_code == 422
    assert response.json()["detail"][0]["loc"] == ["body", "init_images"]
    assert not Job.objects.exists()


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"steps": 1_000}, "steps"),
        ({"cfg_scale": 1_000}, "cfg_scale"),
        ({"denoising_strength": 7, "init_images": [text()]}, "denoising_strength"),
        ({"seed": 2**32}, "seed"),
        ({"seed": -5}, "seed"),
    ],
)
def test_automatic1111_reads_its_own_names_of_fields(caller, changes, field):
    address = "/sdapi/v1/img2img" if "init_images" in changes else TXT2IMG[0]

    response = caller.post(address, {**TXT2IMG[1], **changes})

    assert response.status_code == 422
    assert response.json()["detail"][0]["loc"] == ["body", field]


@pytest.mark.parametrize(
    "field",
    [
        {"restore_faces": True},
        {"tiling": True},
        {"styles": ["comic"]},
        {"seed_resize_from_w": 512},
        {"s_churn": 5},
        {"refiner_checkpoint": "sdxl-refiner"},
        {"s_min_uncond": 0.5},
        {"initial_noise_multiplier": 0.9, "init_images": [text()]},
    ],
    ids=lambda field: next(iter(field)),
)
def test_what_would_change_the_picture_and_is_not_here_is_refused_by_name(caller, field):
    address = "/sdapi/v1/img2img" if "init_images" in field else TXT2IMG[0]

    response = caller.post(address, {**TXT2IMG[1], **field})

    assert response.status_code == 422
    assert response.json()["detail"][0]["loc"] == ["body", next(iter(field))]
    assert not Job.objects.exists()


def test_values_without_an_effect_are_taken(caller, worker):
    neutral = {
        "restore_faces": False,
        "tiling": False,
        "styles": [],
        "subseed": -1,
        "subseed_strength": 0.0,
        "seed_resize_from_w": -1,
        "seed_resize_from_h": 0,
        "s_churn": 0,
        "s_tmax": 0,
        "s_tmin": 0,
        "s_noise": 1,
        "refiner_checkpoint": None,
    }

    assert caller.post(TXT2IMG[0], {**TXT2IMG[1], **neutral}).status_code == 200
