import json
import threading
from datetime import timedelta
from io import BytesIO
from zipfile import ZipFile

import pytest
from django.core.files.storage import default_storage
from django.db import connection
from django.utils import timezone

from accounts import exports, tasks
from accounts.models import Export, Mail
from tests import factories
from tests.accounts import mailbox
from tests.disks import almost_full, incompressible
from tests.generation.rows import make_image, make_job

pytestmark = pytest.mark.django_db
LISTS = {
    "account.json",
    "boards.json",
    "calls.json",
    "grants.json",
    "jobs.json",
    "ledger.json",
    "payments.json",
    "presets.json",
    "refusals.json",
    "shared_links.json",
    "subscription.json",
    "trash.json",
    "uploads.json",
    "wallets.json",
    "webhooks.json",
}


def content(export):
    """The files in the zip by their names."""
    with default_storage.open(export.file) as file, ZipFile(BytesIO(file.read())) as zip:
        return {name: zip.read(name) for name in zip.namelist()}


def made(user):
    export = exports.request(user)
    assert exports.make(str(export.pk))
    export.refresh_from_db()
    return export


def make_due():
    Export.objects.update(due_at=timezone.now() - timedelta(1))


def replace_parts(monkeypatch, write, *, total=1):
    part = exports.Part(count=lambda user: total if user else 0, write=write)
    monkeypatch.setattr(exports, "PARTS", [part])


@pytest.fixture
def breaking(monkeypatch):
    """A part that fails, as with a bug or a missing store."""

    def write(user, archive):
        raise OSError("the store is away")

    replace_parts(monkeypatch, write)


def test_it_has_the_account_the_money_the_jobs_and_the_pictures(alice):
    image = make_image(make_job(alice))
    export = made(alice)

    files = content(export)

    account = json.loads(files["account.json"])
    jobs = json.loads(files["jobs.json"])
    entries = json.loads(files["ledger.json"])
    name = f"pictures/2026-01/{image.pk}.png"
    assert account["email"] == alice.email
    assert account["addresses"] == [{"email": alice.email, "verified": True, "primary": True}]
    assert json.loads(files["subscription.json"])["plan"] == "basic"
    assert [(each["kind"], each["unit"]) for each in entries] == [("grant", "gpu_ms")]
    assert jobs[0]["request"]["prompt"] == "a red house"
    assert jobs[0]["receipt"]["lines"]
    assert jobs[0]["pictures"][0]["file"] == name
    with default_storage.open(image.file) as file:
        assert files[name] == file.read()
    assert {"account.json", "subscription.json", "ledger.json", "jobs.json", name} <= files.keys()
    assert files.keys() == LISTS | {name}


def test_it_has_nothing_of_others(alice, bob):
    make_image(make_job(bob))

    files = content(made(alice))

    assert b"bob@example.com" not in b"".join(files.values())
    assert json.loads(files["jobs.json"]) == []


def test_it_has_no_secrets(alice, client):
    client.post("/accounts/login/", {"login": alice.email, "password": factories.PASSWORD})

    account = content(made(alice))["account.json"].decode()

    assert alice.password not in account
    assert client.session.session_key not in account


def test_deleted_pictures_are_not_in_it(alice):
    image = make_image(make_job(alice))
    image.deleted_at = timezone.now()
    image.save()

    files = content(made(alice))

    assert json.loads(files["jobs.json"])[0]["pictures"] == []
    assert not [name for name in files if name.startswith("pictures/")]


def test_hundreds_of_pictures_are_all_in_it(alice, monkeypatch):
    monkeypatch.setattr("generation.personal_data.export.AT_ONCE", 2)
    for _ in range(5):
        make_image(make_job(alice))

    files = content(made(alice))

    assert len(json.loads(files["jobs.json"])) == 5
    assert len([name for name in files if name.startswith("pictures/")]) == 5


def test_who_asked_is_told_by_mail_when_it_is_ready(alice):
    export = made(alice)

    assert export.status == Export.Status.READY
    assert mailbox.subjects(alice.email)[-1] == "Your data is ready to download"
    assert export.expires_at - timezone.now() > timedelta(days=6, hours=23)


def test_one_at_a_time_is_made(alice):
    first, second = exports.request(alice), exports.request(alice)

    assert first == second


def test_a_bell_that_rings_twice_makes_it_once(alice):
    export = exports.request(alice)

    assert [exports.make(str(export.pk)) for _time in range(2)] == [True, False]


def test_a_new_one_takes_the_place_of_the_last(alice):
    old = made(alice)

    new = made(alice)

    assert list(Export.objects.all()) == [new]
    assert not default_storage.exists(old.file)


def test_progress_is_written_down(alice, monkeypatch):
    monkeypatch.setattr(exports, "PROGRESS_SECONDS", 0)
    seen = []

    def write(user, archive):
        for _ in range(3):
            archive._on_step()
            seen.append(Export.objects.get().done)

    replace_parts(monkeypatch, write, total=3)
    export = made(alice)

    assert seen == [1, 2, 3]
    assert (export.done, export.total) == (3, 3)


def test_one_that_breaks_off_is_begun_again_after_a_while(alice, breaking):
    export = exports.request(alice)
    with pytest.raises(OSError, match="away"):
        exports.make(str(export.pk))

    at_once = Export.objects.ids()
    make_due()

    assert at_once == []
    assert Export.objects.ids() == [str(export.pk)]


def test_after_three_it_is_given_up_and_its_owner_told(alice, breaking):
    export = exports.request(alice)
    for _try in range(Export.MAX_ATTEMPTS):
        with pytest.raises(OSError, match="away"):
            exports.make(str(export.pk))
        make_due()

    waiting = Export.objects.ids()
    tasks.make_exports()

    export.refresh_from_db()
    assert waiting == []
    assert export.status == Export.Status.FAILED
    assert mailbox.subjects(alice.email)[-1] == "Your data could not be packed"
    assert exports.request(alice) != export


def test_who_was_given_up_on_writes_nothing_any_more(alice, monkeypatch):
    export = exports.request(alice)
    mails = Mail.objects.count()

    def write(user, archive):
        # Another worker takes the export over in the middle.
        Export.objects.update(attempt=2)

    replace_parts(monkeypatch, write)
    result = exports.make(str(export.pk))

    export.refresh_from_db()
    assert result is False
    assert (export.status, export.file) == (Export.Status.RUNNING, "")
    assert Mail.objects.count() == mails
    assert not default_storage.exists(f"exports/{export.pk}-1.zip")


def test_one_whose_account_was_closed_meanwhile_leaves_no_file(alice, monkeypatch):
    export = exports.request(alice)
    store = exports._store

    def close_and_store(export, path):
        exports.discard_all(alice)
        store(export, path)

    monkeypatch.setattr(exports, "_store", close_and_store)

    assert exports.make(str(export.pk)) is False
    assert not default_storage.exists(f"exports/{export.pk}-1.zip")


def test_after_a_week_it_is_removed(alice, bob):
    old, new = made(alice), made(bob)
    Export.objects.filter(pk=old.pk).update(expires_at=timezone.now())

    tasks.tidy()

    assert list(Export.objects.all()) == [new]
    assert not default_storage.exists(old.file)


@pytest.mark.django_db(transaction=True)
def test_of_ten_workers_one_makes_it():
    user = factories.make_user("alice@example.com")
    export = exports.request(user)
    results = []

    def make():
        results.append(exports.make(str(export.pk)))
        connection.close()

    threads = [threading.Thread(target=make) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(results) == [False] * 9 + [True]
    assert Mail.objects.count() == 1


def test_a_full_disk_keeps_no_part_of_an_export(alice, monkeypatch, tmp_path, settings):
    options = {**settings.STORAGES["default"]["OPTIONS"], "location": tmp_path}
    default = {**settings.STORAGES["default"], "OPTIONS": options}
    settings.STORAGES = {**settings.STORAGES, "default": default}
    content = tmp_path / "export.zip"
    content.write_bytes(incompressible())
    export = exports.request(alice)

    with almost_full(), pytest.raises(OSError, match="File too large"):
        exports._store(export, content)

    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["export.zip"]
