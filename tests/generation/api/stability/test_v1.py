"""Stability's v1 endpoints."""

import pytest

from generation.models import Job
from tests.generation.api.formats import V1

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("short_waits")]


@pytest.mark.parametrize("prompts", [None, [], "a", [7], [{"text": 7}], [{"weight": "x"}]])
def test_text_prompts_must_be_a_list_of_texts(caller, prompts):
    response = caller.post(V1[0], {"text_prompts": prompts})

    assert (response.status_code, response.json()["name"]) == (400, "bad_request")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("style_preset", "anime"),
        ("clip_guidance_preset", "FAST_BLUE"),
        ("extras", {"a": 1}),
        ("sampler", "K_DPM_FAST"),
    ],
)
def test_what_would_change_the_picture_and_is_not_here_is_refused_by_name(caller, field, value):
    response = caller.post(V1[0], {**V1[1], field: value})

    assert response.status_code == 400
    assert response.json()["message"].startswith(f"{field}: ")
    assert not Job.objects.exists()


@pytest.mark.parametrize(
    "fields",
    [
        {"clip_guidance_preset": "NONE"},
        {"style_preset": None},
        {"sampler": "K_EULER"},
        {"extras": {}},
    ],
)
def test_what_changes_nothing_is_taken(caller, worker, fields):
    assert caller.post(V1[0], {**V1[1], **fields}).status_code == 200


def test_the_weights_of_texts_are_kept(caller, worker):
    weights = [("a tree", 1), ("fog", 0.5), ("a car", 0), ("people", -1), ("text", -0.7)]
    prompts = [{"text": text, "weight": weight} for text, weight in weights]

    caller.post(V1[0], {**V1[1], "text_prompts": prompts})

    request = Job.objects.get().generation_request
    assert request.prompt == "a tree, (fog:0.5)"
    assert request.negative_prompt == "people, (text:0.7)"


def test_errors_name_their_fields(caller):
    response = caller.post(V1[0], {**V1[1], "cfg_scale": 1_000, "steps": 1_000})

    message = response.json()["message"]
    assert "cfg_scale: " in message
    assert "steps: " in message
