"""Generated requests: every response of the native API conforms to its document."""

import pytest
import schemathesis
from django.core.wsgi import get_wsgi_application
from hypothesis import HealthCheck, given, seed, settings

from generation.models import Job
from tests.generation.api.callers import WISH, Caller
from tests.generation.rows import make_image

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]
EXAMPLES = 14
SEEDS = (1, 2, 3)
# A stream lasts as long as its job: see test_clients.
LASTING = "/events"
# The document does not say which settings a checkpoint supports.
NOT_SAID = schemathesis.checks.positive_data_acceptance


@pytest.fixture
def caller(client, buyer, settings):
    settings.API_REQUESTS_A_MINUTE = 100_000
    return Caller(client, buyer)


def operations(client, there):
    """The document's operations; path parameters get the ids of rows that exist."""
    document = client.get("/api/v1/openapi.json").json()
    for path in document["paths"].values():
        for operation in path.values():
            for parameter in operation.get("parameters", []):
                if parameter["name"] in there:
                    parameter["schema"]["enum"] = [there[parameter["name"]]]
    schema = schemathesis.openapi.from_dict(document)
    schema.app = get_wsgi_application()
    return [each.ok() for each in schema.get_all_operations()]


@pytest.mark.parametrize("number", SEEDS)
def test_every_answer_is_one_that_the_document_knows(client, caller, number):
    job = caller.post("/api/v1/jobs", WISH).json()["id"]
    image = make_image(Job.objects.get(pk=job))
    there = {"job_id": job, "picture_id": str(image.pk)}
    found = [each for each in operations(client, there) if not each.path.endswith(LASTING)]
    assert len(found) > 10

    for operation in found:
        _check(operation, caller, number)


def _check(operation, caller, number):
    @seed(number)
    @settings(
        max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=[*HealthCheck]
    )
    @given(case=operation.as_strategy())
    def check(case):
        case.call_and_validate(
            headers={**caller.headers, "Accept-Encoding": "identity"}, excluded_checks=[NOT_SAID]
        )

    check()
