"""The native API's OpenAPI document and its page."""

import pytest

from tests.generation.api.native.helpers import API

pytestmark = pytest.mark.django_db


def test_the_document_and_its_page_need_no_key_and_nothing_from_elsewhere(client):
    document = client.get(f"{API}/openapi.json").json()
    assert document["info"]["title"] == "Stepwise API"
    page = client.get(f"{API}/docs").content.decode()

    assert document["openapi"].startswith("3.1")
    assert "//cdn" not in page
    assert "<script>" not in page
