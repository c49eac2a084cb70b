"""Pages of the native API's lists."""

import pytest

from tests.generation.api.native.helpers import API, placed

pytestmark = pytest.mark.django_db


def test_pages_follow_each_other_without_a_gap(caller):
    made = [placed(caller)["id"] for _each in range(5)]

    seen, cursor = [], ""
    while cursor is not None:
        page = caller.get(f"{API}/jobs", {"limit": 2, "cursor": cursor}).json()
        seen += [each["id"] for each in page["items"]]
        cursor = page["next"]

    assert seen == made[::-1]
