"""Balance and usage of the native API."""

import pytest

from tests.generation.api.callers import PRICE
from tests.generation.api.native.helpers import API, placed

pytestmark = pytest.mark.django_db


def test_the_usage_names_the_day_and_what_was_spent(caller):
    placed(caller)

    usage = caller.get(f"{API}/usage").json()

    assert (usage["unit"], [day["spent"] for day in usage["days"]]) == ("credits", [PRICE])
