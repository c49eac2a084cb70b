"""Static files from an asynchronous server, with warnings as errors."""

import re

import pytest
from django.core.management import call_command
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


def test_collected_files_are_named_by_content_and_so_are_imports_of_scripts(settings, tmp_path):
    settings.STATIC_ROOT = tmp_path
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "sdsite.static_files.StaticFilesStorage"},
    }
    # The admin's files are many, and not ours.
    settings.STATICFILES_FINDERS = settings.STATICFILES_FINDERS[:2]

    call_command("collectstatic", "--no-input", "--verbosity=0", "--ignore=img")

    assert len(list(tmp_path.glob("css/site.????????????.css"))) == 1
    (entry,) = tmp_path.glob("js/pages/studio.????????????.js")
    imported = re.findall(r'import\s*"([^"]+)"', entry.read_text())
    assert len(imported) > 5
    for name in imported:
        assert re.fullmatch(r"\.\./studio/\w+\.\w{12}\.js", name)
        assert (entry.parent / name).exists()
