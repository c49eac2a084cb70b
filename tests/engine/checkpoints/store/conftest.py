"""Fixtures: a fake hub, an empty model store, and downloads as an operator starts them."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from huggingface_hub import constants, file_download
from safetensors.torch import save_file

from generation.engine.checkpoints import catalogue
from generation.engine.checkpoints.store import downloading
from generation.engine.checkpoints.store import hub as hubs
from generation.engine.checkpoints.store.downloads import Download
from generation.engine.checkpoints.store.hub import Hub
from generation.engine.checkpoints.store.manifest import Manifest
from generation.engine.enums import Family
from tests.engine import published_schedules
from tests.engine.checkpoints.store.hub import FakeHub, Repository, repository
from tests.engine.checkpoints.store.originals import ORIGINALS
from tests.engine.checkpoints.store.singlefile import single_file

CHUNK = 1_000
TOY = Download(
    id="toy", name="Toy", source="somebody/toy", license="Open RAIL-M", family=Family.SD1
)


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    """A fake hub, without pauses between attempts."""
    monkeypatch.setattr(hubs, "PAUSE_SECONDS", 0)
    monkeypatch.setattr(file_download.time, "sleep", lambda _: None)
    # A broken connection loses an incomplete chunk, and a toy is smaller than the default one.
    monkeypatch.setattr(constants, "DOWNLOAD_CHUNK_SIZE", CHUNK)
    hub = FakeHub()
    yield hub
    hub.close()


@pytest.fixture
def toy(hub: FakeHub, checkpoint_root: Path) -> Repository:
    """The toy checkpoint's repository on the hub, with superfluous files."""
    published = repository(checkpoint_root / "toy")
    (files,) = published.commits.values()
    extra = {
        "LICENSE.md": b"Do no harm.",
        "README.md": b"A toy.",
        "v1-5-pruned.ckpt": b"pickle",
        "safety_checker/model.safetensors": b"x" * 2_000,
        "unet/diffusion_pytorch_model.bin": b"pickle",
        "unet/diffusion_pytorch_model.fp16.safetensors": _halved(files),
        "unet/diffusion_pytorch_model.non_ema.safetensors": b"x" * 2_000,
        "vae/diffusion_flax_model.msgpack": b"flax",
    }
    hub.repositories[TOY.source] = Repository({"a" * 40: {**files, **extra}})
    return hub.repositories[TOY.source]


def _halved(files: Any) -> bytes:
    from safetensors.torch import load, save  # noqa: PLC0415  # slow import: safetensors

    weights = load(files["unet/diffusion_pytorch_model.safetensors"])
    return save({name: tensor.half() for name, tensor in weights.items()})


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "checkpoints"


Fetch = Callable[..., Manifest]


@pytest.fixture
def fetch(hub: FakeHub, root: Path) -> Fetch:
    """Download as an operator who accepts every license."""

    def fetch(download: Download = TOY, *, token: str = "", **options: Any) -> Manifest:
        client = Hub(endpoint=hub.endpoint, token=token)
        return downloading.fetch(
            download, root=root, hub=client, **{"accept": lambda _: True, **options}
        )

    return fetch


@pytest.fixture
def own_catalogue(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The catalogue of a site whose shelf this is."""
    mine = catalogue.Catalogue(())
    mine.root = lambda: root
    monkeypatch.setattr(catalogue, "FRESH_SECONDS", 0)
    monkeypatch.setattr(catalogue, "CHECKPOINTS", mine)


@pytest.fixture
def original(tmp_path: Path) -> Callable[[str], Path]:
    """Write an original as a folder in the layout of diffusers."""

    def original(kind: str) -> Path:
        torch.manual_seed(1)
        folder = tmp_path / "originals" / kind
        published_schedules.save(ORIGINALS[kind](), folder)
        return folder

    return original


@pytest.fixture
def single(tmp_path: Path) -> Callable[[str], Path]:
    """Write an original as a single file."""

    def single(kind: str, **changes: Any) -> Path:
        torch.manual_seed(1)
        weights = {**single_file(ORIGINALS[kind]()), **changes}
        path = tmp_path / f"{kind}.safetensors"
        save_file({name: tensor.contiguous().clone() for name, tensor in weights.items()}, path)
        return path

    return single
