"""Stability's v1 endpoints."""

import pytest

from tests.generation.api.formats import V1

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("short_waits")]


@pytest.mark.parametrize("prompts", [None, [], "a", [7], [{"text": 7}], [{"weight": "x"}]])
def test_text_prompts_must_be_a_list_of_texts(caller, prompts):
    response = caller.post(V1[0], {"text_prompts": prompts})

    assert (response.status_code, response.json()["name"]) == (400, "bad_request")
