"""Data folders for whole sites, with a database that has every migration already.

Migrating an empty database takes six seconds of a processor, and sites are started about twenty times.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sdsite import embedded
from sdsite.processes import PROJECT

NewFolder = Callable[[], Path]


@pytest.fixture(scope="session")
def empty_data_folder() -> Iterator[NewFolder]:
    """Return a function that makes an empty data folder, outside of pytest's own folders.

    Started by root, PostgreSQL runs as a user of its own, and each start of pytest closes the folder of all
    its runs to other users: the servers of a run beside it would end at their next checkpoint.
    """
    with tempfile.TemporaryDirectory(prefix="sdsite-sites-", ignore_cleanup_errors=True) as root:
        yield lambda: Path(tempfile.mkdtemp(dir=root))


@pytest.fixture(scope="session")
def migrated(empty_data_folder: NewFolder) -> Path:
    """Return a folder of PostgreSQL's whose server has ended."""
    folder = empty_data_folder() / "postgres"
    with embedded.postgres(folder, durable=False) as server:
        subprocess.run(
            [sys.executable, "manage.py", "migrate", "--verbosity=0"],
            cwd=PROJECT,
            env={**os.environ, "DATABASE_URL": server.url},
            check=True,
        )
    return folder


@pytest.fixture(scope="session")
def new_data_folder(migrated: Path, empty_data_folder: NewFolder) -> NewFolder:
    """Return a function that makes a data folder which only its caller uses."""

    def new_data_folder() -> Path:
        folder = empty_data_folder()
        # With its owner: started by root, the server runs as a user of its own.
        subprocess.run(["cp", "-a", migrated, folder / "postgres"], check=True)
        return folder

    return new_data_folder
