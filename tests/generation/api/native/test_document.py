"""The OpenAPI document, from which clients are generated."""

import re

import pytest

from generation.images import file_formats

METHODS = {"get", "post", "put", "patch", "delete"}
VERBS = ("create", "list", "get", "cancel", "quote", "stream", "upload")


@pytest.fixture
def document(client):
    return client.get("/api/v1/openapi.json").json()


def operations(document):
    return [
        operation
        for path in document["paths"].values()
        for method, operation in path.items()
        if method in METHODS
    ]


def test_an_operations_id_is_a_verb_and_its_object(document):
    ids = [operation["operationId"] for operation in operations(document)]

    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch(f"({'|'.join(VERBS)})(_[a-z]+)+", id) for id in ids), ids
    assert {"create_job", "get_job", "cancel_job", "get_picture", "get_balance"} <= set(ids)


def test_each_operation_is_in_one_group_that_is_described(document):
    groups = {tag["name"]: tag["description"] for tag in document["tags"]}

    assert all(groups.values())
    used = [operation["tags"] for operation in operations(document)]
    assert all(len(tags) == 1 for tags in used)
    assert {tags[0] for tags in used} == groups.keys()


def test_answers_that_are_files_are_described_as_such(document):
    content = document["paths"]["/api/v1/pictures/{picture_id}/file"]["get"]["responses"]["200"][
        "content"
    ]

    assert content.keys() == set(file_formats.FORMATS.values())
    assert all(
        each["schema"] == {"type": "string", "format": "binary"} for each in content.values()
    )
