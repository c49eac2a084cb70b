"""Seeds in all API formats: random ones, and the largest."""

import json

import pytest

from generation.api import wait
from generation.engine.request import MAX_SEED
from generation.models import Job
from tests.generation.api.formats import file

pytestmark = pytest.mark.django_db
FORMATS = [
    ("post", "/v1/images/generations", {"prompt": "a tree"}),
    ("post", "/sdapi/v1/txt2img", {"prompt": "a tree"}),
    ("post", "/v1/generation/sketchbook/text-to-image", {"text_prompts": [{"text": "a tree"}]}),
    ("send", "/v2beta/stable-image/generate/core", {"prompt": "a tree"}),
    ("post", "/api/v1/jobs", {"prompt": "a tree"}),
]
IDS = [address for _send, address, _body in FORMATS]


@pytest.fixture(autouse=True)
def _no_waits(monkeypatch):
    monkeypatch.setattr(wait, "LONGEST_SECONDS", 0.0)


@pytest.mark.parametrize(("send", "address", "body"), FORMATS, ids=IDS)
def test_minus_one_is_a_random_seed_everywhere(caller, send, address, body):
    for _time in range(2):
        getattr(caller, send)(address, {**body, "seed": -1})

    seeds = {job.generation_request.seed for job in Job.objects.all()}
    assert len(seeds) == 2
    assert min(seeds) >= 0


def test_minus_one_is_random_in_a_form_with_a_picture(caller):
    caller.send("/v1/images/edits", {"prompt": "a tree", "image": file(), "seed": "-1"})

    assert Job.objects.get().generation_request.seed >= 0


@pytest.mark.parametrize(("send", "address", "body"), FORMATS, ids=IDS)
@pytest.mark.parametrize("seed", [MAX_SEED + 1, -2])
def test_a_seed_out_of_range_is_refused_with_the_largest_in_full(caller, send, address, body, seed):
    response = getattr(caller, send)(address, {**body, "seed": seed})

    assert response.status_code in {400, 422}
    text = json.dumps(response.json())
    assert "seed" in text
    if seed > 0:
        assert str(MAX_SEED) in text
    assert "e+" not in text
    assert not Job.objects.exists()


@pytest.mark.parametrize(("send", "address", "body"), FORMATS, ids=IDS)
def test_the_largest_seed_is_taken(caller, send, address, body):
    getattr(caller, send)(address, {**body, "seed": MAX_SEED})

    assert Job.objects.get().generation_request.seed == MAX_SEED
