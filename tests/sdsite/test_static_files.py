"""Static files from an asynchronous server, with warnings as errors."""

import pytest
from django.test import AsyncClient

URL = "/static/admin/css/base.css"


@pytest.fixture(autouse=True)
def _without_collecting(settings):
    settings.WHITENOISE_AUTOREFRESH = settings.WHITENOISE_USE_FINDERS = True


async def test_a_file_is_sent_whole():
    response = await AsyncClient().get(URL)

    assert response.status_code == 200
    assert response["Content-Type"] == 'text/css; charset="utf-8"'
    assert len(response.content) == int(response["Content-Length"]) > 0


async def test_a_file_that_the_browser_has_is_not_sent_again():
    first = await AsyncClient().get(URL)

    again = await AsyncClient().get(URL, headers={"if-none-match": first["ETag"]})

    assert (again.status_code, again.content) == (304, b"")
    assert "Content-Type" not in again


async def test_a_part_of_a_file_can_be_asked_for():
    response = await AsyncClient().get(URL, headers={"range": "bytes=0-9"})

    assert (response.status_code, len(response.content)) == (206, 10)


async def test_only_the_headers_can_be_asked_for():
    response = await AsyncClient().head(URL)

    assert (response.status_code, response.content) == (200, b"")
    assert int(response["Content-Length"]) > 0
