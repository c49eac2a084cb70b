"""Modes of the data folder, as they are made and as an upgrade leaves them."""

import grp
import os
import stat
from pathlib import Path

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage, default_storage
from django.core.management import CommandError, call_command

from accounts import exports
from sdsite import embedded, file_modes
from sdsite.processes import Child
from tests.generation.rows import make_upload

OPEN_FOLDER, OPEN_FILE = 0o755, 0o644
NEEDS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="the server has no user of its own")


@pytest.fixture
def data(tmp_path):
    """A data folder as an earlier release left it: everyone may read all of it."""
    for name in (
        "media/images/2026/11/30/a.png",
        "media/exports/b.zip",
        "media/uploads/1/c.png",
        "static/css/site.css",
        "mail/d.eml",
        "checkpoints/sd-1.5/model_index.json",
        "celerybeat-schedule",
        "lock",
        "postgres.log",
        "postgres/PG_VERSION",
        "secret_key",
        "valkey.log",
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    for path in [tmp_path, *tmp_path.rglob("*")]:
        path.chmod(OPEN_FOLDER if path.is_dir() else OPEN_FILE)
    return tmp_path


def mode(path):
    return stat.S_IMODE(path.lstat().st_mode)


def modes(folder, *, but=()):
    """The modes of all folders, and those of all files, below a folder."""
    paths = [path for path in folder.rglob("*") if path.relative_to(folder).parts[0] not in but]
    return (
        {mode(path) for path in paths if path.is_dir()},
        {mode(path) for path in paths if path.is_file()},
    )


def a_group():
    """A group that the process may give files to, other than its own."""
    return next(
        each
        for each in grp.getgrall()
        if each.gr_gid != os.getegid() and (os.geteuid() == 0 or each.gr_gid in os.getgroups())
    )


def test_an_upgrade_closes_what_everyone_could_read(data):
    left = file_modes.protect(data)

    assert left == []
    assert mode(data) == 0o711
    assert modes(data, but={"postgres"}) == ({0o700}, {0o600})


def test_the_folder_of_postgresql_is_its_own_matter(data):
    file_modes.protect(data)

    assert (mode(data / "postgres"), mode(data / "postgres" / "PG_VERSION")) == (0o755, 0o644)


def test_a_group_may_read_what_a_proxy_serves_and_nothing_else(data):
    group = a_group()

    file_modes.protect(data, group=group.gr_name)

    for name in file_modes.SERVED:
        assert modes(data / name) == ({0o2750}, {0o640})
        assert {path.stat().st_gid for path in (data / name).rglob("*")} == {group.gr_gid}
    assert modes(data, but={"postgres", *file_modes.SERVED}) == ({0o700}, {0o600})


def test_a_group_is_taken_back(data):
    file_modes.protect(data, group=a_group().gr_name)

    file_modes.protect(data)

    assert modes(data, but={"postgres"}) == ({0o700}, {0o600})


def test_new_files_have_the_group_of_their_folder(tmp_path):
    group = a_group()
    file_modes.protect(tmp_path, group=group.gr_name)
    storage = FileSystemStorage(
        location=tmp_path / "media", **file_modes.options(file_modes.served(group.gr_name))
    )

    storage.save("images/2026/a.png", ContentFile(b"a picture"))

    assert modes(tmp_path / "media") == ({0o2750}, {0o640})
    assert {path.stat().st_gid for path in (tmp_path / "media").rglob("*")} == {group.gr_gid}


def test_links_and_what_they_lead_to_stay(data, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "weights.safetensors"
    elsewhere.touch(mode=OPEN_FILE)
    (data / "checkpoints" / "linked").symlink_to(elsewhere)
    (data / "checkpoints" / "linked-folder").symlink_to(elsewhere.parent)

    file_modes.protect(data)

    assert mode(elsewhere) == OPEN_FILE


@NEEDS_ROOT
def test_files_of_another_user_are_left_and_named(data):
    theirs = data / "checkpoints" / "sd-1.5"
    os.chown(theirs, 1, -1)

    left = file_modes.protect(data)

    assert left == [theirs]
    assert mode(theirs) == OPEN_FOLDER


@NEEDS_ROOT
def test_root_makes_the_media_folder_for_the_user_of_the_data_folder(tmp_path):
    os.chown(tmp_path, 1, -1)

    file_modes.protect(tmp_path)

    assert (tmp_path / "media").stat().st_uid == 1


def test_migrating_changes_the_files_of_an_earlier_release(db, data, settings):
    settings.DATA_DIR = data

    call_command("migrate", verbosity=0)

    assert mode(data) == 0o711
    assert modes(data, but={"postgres"}) == ({0o700}, {0o600})


def test_a_plan_of_migrations_changes_no_file(db, data, settings):
    settings.DATA_DIR = data

    call_command("migrate", plan=True, verbosity=0)

    assert mode(data) == OPEN_FOLDER


def test_migrating_names_a_group_that_does_not_exist(db, data, settings):
    settings.DATA_DIR, settings.FILES_GROUP = data, "no-such-group"

    with pytest.raises(CommandError, match=r"FILES_GROUP.*no-such-group"):
        call_command("migrate", verbosity=0)


def test_pictures_uploads_and_exports_are_for_the_site_alone(alice):
    export = exports.request(alice)
    exports.make(str(export.pk))
    export.refresh_from_db()

    for key in (make_upload(alice).file, export.file):
        path = Path(default_storage.path(key))
        assert mode(path) == 0o600
        assert {mode(folder) for folder in path.parents[:2]} == {0o700}
    assert default_storage.exists(export.file)


def test_logs_of_servers_are_private(tmp_path):
    with Child("echo", ["echo", "hello"], log=tmp_path / "echo.log") as child:
        child.wait()

    assert mode(tmp_path / "echo.log") == 0o600


def test_a_process_that_restricts_itself_makes_private_files(tmp_path):
    before = os.umask(0o022)
    try:
        file_modes.restrict()
        (tmp_path / "schedule").touch()
        (tmp_path / "folder").mkdir()
    finally:
        os.umask(before)

    assert modes(tmp_path) == ({0o700}, {0o600})


@NEEDS_ROOT
def test_the_database_lists_no_folder_above_its_own(tmp_path):
    (tmp_path / "home").mkdir(mode=0o700)

    with embedded.postgres(tmp_path / "home" / "postgres", durable=False) as server:
        embedded.ping_database(server.url)

        assert mode(tmp_path / "home") == 0o711
