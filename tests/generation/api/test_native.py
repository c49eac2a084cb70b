import pytest

from generation.models import Job
from tests.generation.api.callers import PRICE, WISH

pytestmark = pytest.mark.django_db


def test_a_job_is_placed_and_shown(caller):
    response = caller.post("/api/v1/jobs", WISH)

    assert response.status_code == 202, response.content
    shown = response.json()
    job = Job.objects.get()
    assert (shown["id"], shown["status"], shown["price"]) == (str(job.pk), "queued", PRICE)
    assert job.api_key == caller.key
    assert (
        caller.get(shown["url"].removeprefix("http://127.0.0.1:8000")).json()["id"] == shown["id"]
    )


def test_smoke(caller, client):
    for path in ("checkpoints", "jobs", "pictures", "balance", "usage", "openapi.json", "docs"):
        response = caller.get(f"/api/v1/{path}")
        assert response.status_code == 200, (path, response.content)
    print(caller.post("/api/v1/quote", WISH).json())
    print(caller.post("/api/v1/quote", {**WISH, "x": 1}).json())
    r = client.post("/api/v1/quote", {**WISH, "x": 1}, content_type="application/json")
    print(r.status_code, r.json(), r.headers)
    r = client.delete("/api/v1/quote")
    print(r.status_code, r.content, r.headers)
