"""Stability's v2beta endpoints."""

import pytest

from generation import jobs
from generation.models import Job
from tests.generation.api.formats import CORE, ask, file
from tests.generation.carrying import CHARGES
from tests.generation.rows import make_image

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("short_waits")]


def test_stability_sends_a_file_to_who_accepts_one(caller, worker):
    response = ask(caller, CORE, Accept="image/*")

    assert response.headers["Content-Type"] == "image/png"
    assert response.headers["finish-reason"] == "SUCCESS"


def test_stabilitys_shape_is_one_that_the_checkpoint_draws(caller, worker):
    caller.send(CORE[0], {"prompt": "a tree", "aspect_ratio": "16:9"})

    request = Job.objects.get().generation_request
    assert request.width > request.height


def test_a_result_is_asked_for_until_it_is_there(caller, anothers):
    job = caller.post("/api/v1/jobs", {"prompt": "a"}).json()["id"]

    waiting = caller.get(f"/v2beta/results/{job}")
    claimed = jobs.claim(worker="machine:1")
    make_image(claimed)
    jobs.finish(claimed, [], CHARGES)

    assert (waiting.status_code, waiting.json()["status"]) == (202, "in-progress")
    assert caller.get(f"/v2beta/results/{job}").headers["Content-Type"] == "image/png"
    assert caller.get(f"/v2beta/results/{job}.webp").headers["Content-Type"] == "image/webp"
    assert caller.get(f"/v2beta/results/{job}.gif").status_code == 404
    assert anothers.get(f"/v2beta/results/{job}").status_code == 404
    assert caller.get("/v2beta/results/nothing").status_code == 404


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"prompt": "a", "aspect_ratio": "7:7"},
        {"prompt": "a", "output_format": "gif"},
        {"prompt": "a", "seed": "x"},
        {"prompt": "a", "mode": "image-to-image"},
        {"prompt": "a", "cfg_scale": "NaN"},
    ],
)
def test_stability_names_what_is_wrong(caller, fields):
    response = caller.send("/v2beta/stable-image/generate/sd3", fields)

    assert (response.status_code, response.json()["name"]) == (400, "bad_request")
    assert not Job.objects.exists()


@pytest.mark.parametrize(
    "fields", [{"style_preset": "anime"}, {"creativity": "0.5"}, {"grow_mask": "5"}]
)
def test_what_would_change_the_picture_and_is_not_here_is_refused_by_name(caller, fields):
    response = caller.send(CORE[0], {"prompt": "a tree", **fields})

    assert response.status_code == 400
    assert response.json()["errors"][0].startswith(f"{next(iter(fields))}: ")
    assert not Job.objects.exists()


def test_two_pictures_are_refused(caller):
    response = caller.send(
        "/v2beta/stable-image/generate/sd3", {"prompt": "a tree", "image": [file(), file()]}
    )

    assert response.status_code == 400
    assert response.json()["errors"][0].startswith("image: ")
