"""Samplers and schedules by AUTOMATIC1111's names."""

import json

import pytest

from generation.models import Job
from tests.generation.api.formats import TXT2IMG, ask

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("short_waits")]
ADDRESS, BODY, _is_form = TXT2IMG


def sampling():
    request = Job.objects.get().generation_request
    return (request.noise_scheduler, request.sigma_schedule)


@pytest.mark.parametrize(
    ("wanted", "stored", "shown", "schedule"),
    [
        (
            {"sampler_name": "DPM++ 2M", "scheduler": "Automatic"},
            ("dpmpp_2m_karras", "uniform"),
            "DPM++ 2M Karras",
            "Karras",
        ),
        (
            {"sampler_name": "DPM++ 2M SDE", "scheduler": "Karras", "eta": 1},
            ("dpmpp_2m_sde", "karras"),
            "DPM++ 2M SDE Karras",
            "Karras",
        ),
        ({"sampler_index": "Euler a"}, ("euler_ancestral", "uniform"), "Euler a", "Uniform"),
    ],
)
def test_a_sampler_is_made_with_its_schedule(caller, worker, wanted, stored, shown, schedule):
    answer = ask(caller, (ADDRESS, {**BODY, **wanted, "steps": 2}, False)).json()

    info = json.loads(answer["info"])
    assert sampling() == stored
    assert info["sampler_name"] == shown
    assert info["extra_generation_params"] == {"Schedule type": schedule}
    assert f"Schedule type: {schedule}, " in info["infotexts"][0]


def test_without_a_sampler_it_is_the_checkpoints_own(caller, worker):
    caller.post(ADDRESS, {**BODY, "scheduler": "Automatic"})

    assert sampling() == ("dpmpp_2m", "uniform")


def test_a_schedule_alone_goes_with_the_checkpoints_own_sampler(caller, worker):
    caller.post(ADDRESS, {**BODY, "scheduler": "Exponential"})

    assert sampling() == ("dpmpp_2m", "exponential")


@pytest.mark.parametrize(
    ("wanted", "detail"),
    [
        ({"sampler_name": "DPM++ 3M SDE"}, "Sampler not found"),
        ({"sampler_name": "DPM fast", "scheduler": "Karras"}, "Sampler not found"),
        ({"sampler_name": "Euler", "scheduler": "Polyexponential"}, "Scheduler not found"),
    ],
)
def test_what_is_unknown_is_not_found(caller, wanted, detail):
    answer = caller.post(ADDRESS, {**BODY, **wanted})

    assert (answer.status_code, answer.json()["detail"]) == (404, detail)
    assert not Job.objects.exists()


def test_a_schedule_that_the_sampler_lacks_is_refused(caller):
    answer = caller.post(ADDRESS, {**BODY, "sampler_name": "Euler a", "scheduler": "Karras"})

    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == ["body", "scheduler"]
    assert not Job.objects.exists()


def test_samplers_and_schedules_are_listed(caller):
    samplers = {each["name"]: each for each in caller.get("/sdapi/v1/samplers").json()}
    schedulers = {each["name"]: each["label"] for each in caller.get("/sdapi/v1/schedulers").json()}

    assert {"DPM++ SDE", "DPM2", "DPM2 a", "LMS", "LCM", "TCD", "DPM++ 2M Karras"} <= set(samplers)
    assert samplers["DPM++ 2M SDE"]["options"] == {"scheduler": "exponential"}
    assert schedulers == {
        "automatic": "Automatic",
        "uniform": "Uniform",
        "karras": "Karras",
        "exponential": "Exponential",
        "sgm_uniform": "SGM Uniform",
        "beta": "Beta",
    }
