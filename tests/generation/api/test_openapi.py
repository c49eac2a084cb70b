"""The native API keeps to its own document, whatever a program makes up."""

import pytest
import schemathesis
from django.core.wsgi import get_wsgi_application
from hypothesis import HealthCheck, settings

from generation.models import Job
from tests.generation.api.callers import WISH, Caller
from tests.generation.rows import make_image

pytestmark = [pytest.mark.slow, pytest.mark.django_db]
EXAMPLES = 40
# A wrong method, a missing key and an unknown address have tests of their own.
CHECKS = [
    schemathesis.checks.not_a_server_error,
]


@pytest.fixture
def api(client, buyer, settings):
    settings.API_REQUESTS_A_MINUTE = 10_000
    caller = Caller(client, buyer)
    job = caller.post("/api/v1/jobs", WISH).json()["id"]
    image = make_image(Job.objects.get(pk=job))
    document = client.get("/api/v1/openapi.json").json()
    # Made-up ids are never anybody's: half of the requests are about something that is there.
    for path, operations in document["paths"].items():
        for operation in operations.values():
            for parameter in operation.get("parameters", []):
                if parameter["name"] in {"job_id", "picture_id"}:
                    there = job if parameter["name"] == "job_id" else str(image.pk)
                    parameter["examples"] = {"there": {"value": there}}
    schema = schemathesis.openapi.from_dict(document)
    schema.app = get_wsgi_application()
    return schema, caller


def test_no_request_meets_an_error_of_ours_or_an_answer_that_is_not_documented(api):
    schema, caller = api
    for result in schema.get_all_operations():
        operation = result.ok()
        if operation.path.endswith("/events"):
            # It lasts as long as the job: see test_clients.
            continue

        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        )
        @schemathesis.pytest.parametrize if False else _given(operation)
        def check(case):
            case.call_and_validate(headers=caller.headers)

        check()


def _given(operation):
    from hypothesis import given

    return given(case=operation.as_strategy())
