"""Stability's v1 endpoints."""

import pytest

from generation.engine.request import prompt_weights
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


@pytest.mark.parametrize("weight", [0.00001, -0.0001, 10.5, -1_000_000])
def test_a_weight_out_of_range_is_refused_by_name(caller, weight):
    prompts = [{"text": "a tree"}, {"text": "a cat", "weight": weight}]

    response = caller.post(V1[0], {**V1[1], "text_prompts": prompts})

    assert response.status_code == 400
    assert response.json()["message"].startswith("text_prompts: ")
    assert "0.001" in response.json()["message"]
    assert not Job.objects.exists()


@pytest.mark.parametrize("text", ["smile :)", "a (cat", "[a] \\(b", "cat:1.3", "a\\"])
@pytest.mark.parametrize("weight", [0.001, 0.7, 1, 10])
def test_a_text_keeps_its_brackets_and_its_weight(caller, worker, text, weight):
    prompts = [{"text": text, "weight": weight}, {"text": "fog", "weight": 0.5}]

    caller.post(V1[0], {**V1[1], "text_prompts": prompts})

    request = Job.objects.get().generation_request
    fragments = [(each.text, each.weight) for each in prompt_weights.parse(request.prompt)]
    between = [(f"{text}, ", 1)] if weight == 1 else [(text, weight), (", ", 1)]
    assert fragments == [*between, ("fog", 0.5)]


def test_errors_name_their_fields(caller):
    response = caller.post(V1[0], {**V1[1], "cfg_scale": 1_000, "steps": 1_000})

    message = response.json()["message"]
    assert "cfg_scale: " in message
    assert "steps: " in message
