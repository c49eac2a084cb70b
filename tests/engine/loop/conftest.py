"""Fixtures of tests that compare latents."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from torch import Tensor

from generation.engine.loading.loader import Loader
from generation.engine.request import GenerationRequest
from tests.engine.reference import Seen


@pytest.fixture(scope="module")
def warm_loader(checkpoint_root: Path) -> Iterator[Loader]:
    """A loader that keeps its checkpoints from one test to the next."""
    loader = Loader(checkpoint_root)
    yield loader
    loader.close()


@pytest.fixture
def latents(monkeypatch: pytest.MonkeyPatch) -> dict[GenerationRequest, Tensor]:
    """The latents of each request after its last step so far."""
    seen = Seen()
    seen.install(monkeypatch.setattr)
    return seen.latents
