"""Calls to the native API, and checks of its errors."""

import uuid

from django.core.files.storage import default_storage

from tests.generation.api.callers import WISH

API = "/api/v1"


def placed(caller, **changes):
    response = caller.post(f"{API}/jobs", {**WISH, **changes})
    assert response.status_code == 202, response.content
    return response.json()


def path_of(url):
    return url.partition("//")[2].partition("/")[1] + url.partition("//")[2].partition("/")[2]


def png(upload):
    with default_storage.open(upload.file) as file:
        return file.read()


def held(caller):
    return caller.get(f"{API}/balance").json()["credits"]["held"]


def assert_problem(response, status, code):
    assert response.headers["Content-Type"] == "application/problem+json"
    problem = response.json()
    assert (response.status_code, problem["status"], problem["code"]) == (status, status, code)
    assert problem["request_id"] == response.headers["X-Request-Id"]
    assert problem["detail"]
    return problem


def addresses(job, image):
    """Method and path of each operation that needs a key."""
    return [
        ("get", "checkpoints"),
        ("post", "quote"),
        ("post", "jobs"),
        ("get", "jobs"),
        ("get", f"jobs/{job}"),
        ("post", f"jobs/{job}/cancel"),
        ("get", f"jobs/{job}/receipt"),
        ("get", f"jobs/{job}/events"),
        ("get", "pictures"),
        ("get", f"pictures/{image}/file"),
        ("post", "uploads"),
        ("get", "balance"),
        ("get", "usage"),
    ]


ALL = addresses(uuid.UUID(int=1), uuid.UUID(int=2))
