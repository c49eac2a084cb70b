"""The engine on the CPU, with toy checkpoints in the catalogue."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from generation.engine import catalogue
from generation.engine.engine import Engine
from generation.engine.loader import Loader
from generation.engine.rowcap import RowCap
from tests.engine import checkpoints


@pytest.fixture(scope="session")
def checkpoint_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with every toy checkpoint."""
    root = tmp_path_factory.mktemp("checkpoints")
    checkpoints.write_all(root)
    return root


@pytest.fixture(autouse=True)
def toys_in_the_catalogue(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogue, "CHECKPOINTS", checkpoints.with_toys())


@pytest.fixture
def loader(checkpoint_root: Path) -> Iterator[Loader]:
    loader = Loader(checkpoint_root)
    yield loader
    loader.close()


@pytest.fixture
def engine(loader: Loader) -> Engine:
    # All that are there share their steps from the first one on: see test_rowcap for the learning.
    return Engine(loader=loader, row_cap=RowCap(first=16), preview_interval=0.0)
