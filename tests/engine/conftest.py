"""The engine on the CPU, with toy checkpoints in the catalogue."""

from collections.abc import Iterator
from pathlib import Path
from types import MappingProxyType

import pytest

from generation.engine import catalogue
from generation.engine.engine import Engine
from generation.engine.loader import Loader
from tests.engine import checkpoints


@pytest.fixture(scope="session")
def checkpoint_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two toy checkpoints: one with a full VAE, one with v-prediction and a tiny VAE."""
    root = tmp_path_factory.mktemp("checkpoints")
    checkpoints.write(root / "toy")
    checkpoints.write(root / "toy-v", v_prediction=True, tiny_vae=True, seed=1)
    return root


@pytest.fixture(autouse=True)
def toys_in_the_catalogue(monkeypatch: pytest.MonkeyPatch) -> None:
    toys = {id: checkpoints.toy(id) for id in ("toy", "toy-v")}
    monkeypatch.setattr(
        catalogue, "CHECKPOINTS", MappingProxyType({**catalogue.CHECKPOINTS, **toys})
    )


@pytest.fixture
def loader(checkpoint_root: Path) -> Iterator[Loader]:
    loader = Loader(checkpoint_root)
    yield loader
    loader.close()


@pytest.fixture
def engine(loader: Loader) -> Engine:
    return Engine(loader=loader, preview_interval=0.0)
