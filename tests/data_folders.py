"""Data folders for whole sites, with a database that has every migration already.

Migrating an empty database takes six seconds of a processor, and sites are started about twenty times.
"""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from sdsite import embedded
from sdsite.processes import PROJECT

NewFolder = Callable[[], Path]


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of PostgreSQL's whose server has ended."""
    folder = tmp_path_factory.mktemp("migrated") / "postgres"
    with embedded.postgres(folder, durable=False) as server:
        subprocess.run(
            [sys.executable, "manage.py", "migrate", "--verbosity=0"],
            cwd=PROJECT,
            env={**os.environ, "DATABASE_URL": server.url},
            check=True,
        )
    return folder


@pytest.fixture(scope="session")
def new_data_folder(migrated: Path, tmp_path_factory: pytest.TempPathFactory) -> NewFolder:
    """Return a function that makes a data folder which only its caller uses."""

    def new_data_folder() -> Path:
        folder = tmp_path_factory.mktemp("site")
        # With its owner: started by root, the server runs as a user of its own.
        subprocess.run(["cp", "-a", migrated, folder / "postgres"], check=True)
        return folder

    return new_data_folder
