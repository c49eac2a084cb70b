"""The engine on the CPU, with toy checkpoints in the catalogue."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from generation.engine.checkpoints import catalogue
from generation.engine.loading.loader import Loader
from generation.engine.loop.batch_limit import BatchLimit
from generation.engine.loop.engine import Engine
from tests.engine import toy_checkpoints


@pytest.fixture(scope="session")
def checkpoint_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with every toy checkpoint."""
    root = tmp_path_factory.mktemp("checkpoints")
    toy_checkpoints.write_all(root)
    return root


@pytest.fixture(autouse=True)
def toys_in_the_catalogue(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogue, "CHECKPOINTS", toy_checkpoints.with_toys())


@pytest.fixture
def loader(checkpoint_root: Path) -> Iterator[Loader]:
    loader = Loader(checkpoint_root)
    yield loader
    loader.close()


@pytest.fixture
def engine(loader: Loader) -> Engine:
    # All runs share their steps from the first one on; test_batch_limit covers the learning.
    return Engine(loader=loader, batch_limit=BatchLimit(initial=16), preview_interval=0.0)
