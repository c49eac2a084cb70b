from datetime import UTC, datetime
from io import BytesIO
from uuid import UUID, uuid4
from zipfile import ZipFile

import pytest
from asgiref.sync import sync_to_async
from django.core.files.storage import default_storage
from django.db import connections
from django.test import AsyncClient
from django.urls import reverse
from django.utils import timezone

from accounts import exports
from accounts.models import Export

pytestmark = pytest.mark.django_db

SOMEBODYS = UUID(int=1)
PAGE = reverse("accounts:data")
CARD = reverse("accounts:export_card")
EXPORT = reverse("accounts:export")


@pytest.fixture
def ready(alice):
    export = exports.request(alice)
    exports.make(str(export.pk))
    export.refresh_from_db()
    return export


def download_url(export):
    return reverse("accounts:export_download", args=[export.pk])


def test_asking_starts_one(client, alice):
    client.force_login(alice)

    response = client.post(EXPORT)

    assert response.url == PAGE
    assert Export.objects.get().user == alice


def test_asking_again_shows_the_one_that_is_being_made(client, alice):
    client.force_login(alice)

    client.post(EXPORT)
    client.post(EXPORT)

    assert Export.objects.count() == 1


@pytest.mark.parametrize("url", [PAGE, CARD])
def test_the_page_says_how_far_it_is(client, alice, url):
    Export.objects.create(user=alice, status="running", done=3, total=8)
    client.force_login(alice)

    page = client.get(url).text

    assert "Packing: 3 of 8" in page
    assert 'data-active="yes"' in page


@pytest.mark.parametrize("url", [PAGE, CARD])
def test_one_that_is_ready_can_be_had(client, alice, ready, url):
    client.force_login(alice)

    page = client.get(url).text

    assert download_url(ready) in page
    assert 'data-active="no"' in page


def test_one_that_failed_can_be_asked_for_again(client, alice):
    Export.objects.create(user=alice, status="failed", expires_at=timezone.now())
    client.force_login(alice)

    page = client.get(PAGE).text

    assert "Something went wrong" in page
    assert EXPORT in page


@pytest.fixture
async def _connections_closed():
    """Closes the connections of threads in which an asynchronous client runs views."""
    yield
    await sync_to_async(connections.close_all)()


@pytest.mark.usefixtures("_connections_closed")
@pytest.mark.django_db(transaction=True)
async def test_the_zip_is_sent_piece_by_piece(alice, ready, monkeypatch):
    monkeypatch.setattr("accounts.data_views.CHUNK", 100)
    client = AsyncClient()
    await client.aforce_login(alice)

    response = await client.get(download_url(ready))

    pieces = [piece async for piece in response.streaming_content]
    sent = b"".join(pieces)
    assert response["Content-Type"] == "application/zip"
    assert response["Content-Disposition"].startswith('attachment; filename="my-data-')
    assert int(response["Content-Length"]) == len(sent) == ready.bytes
    assert max(len(piece) for piece in pieces) <= 100
    assert "account.json" in ZipFile(BytesIO(sent)).namelist()


def test_zips_of_others_are_not_found(client, bob, ready):
    client.force_login(bob)

    assert client.get(download_url(ready)).status_code == 404


@pytest.mark.parametrize(
    "values",
    [
        {"expires_at": datetime(2026, 1, 1, tzinfo=UTC)},
        {"status": "running"},
        {"status": "failed"},
    ],
    ids=str,
)
def test_what_is_not_ready_is_not_found(client, alice, ready, values):
    Export.objects.update(**values)
    client.force_login(alice)

    assert client.get(download_url(ready)).status_code == 404


def test_a_zip_whose_file_is_gone_is_not_found(client, alice, ready):
    default_storage.delete(ready.file)
    client.force_login(alice)

    assert client.get(download_url(ready)).status_code == 404


def test_no_zip_is_not_found(client, alice):
    client.force_login(alice)

    url = reverse("accounts:export_download", args=[uuid4()])

    assert client.get(url).status_code == 404


@pytest.mark.parametrize("url", [PAGE, CARD, reverse("accounts:export_download", args=[SOMEBODYS])])
def test_pages_are_only_read(client, alice, url):
    client.force_login(alice)

    assert client.post(url).status_code == 405


def test_a_link_starts_nothing(client, alice):
    client.force_login(alice)

    assert client.get(EXPORT).status_code == 405
    assert not Export.objects.exists()


@pytest.mark.parametrize(
    "url", [PAGE, CARD, EXPORT, reverse("accounts:export_download", args=[SOMEBODYS])]
)
def test_visitors_are_sent_to_sign_in(client, url):
    assert client.get(url).url == f"{reverse('account_login')}?next={url}"


def test_exports_are_limited(client, alice):
    client.force_login(alice)

    answers = [client.post(EXPORT) for _time in range(4)]

    assert [answer.status_code for answer in answers] == [302] * 3 + [429]
    assert answers[-1]["Retry-After"] == "3600"
