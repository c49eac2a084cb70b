"""A file system that hangs stops neither the engine nor the detection of replaced files afterwards."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from generation.engine.checkpoints.store import identity
from generation.engine.loading import files_check
from generation.engine.loading.files_check import FilesCheck
from generation.engine.loading.loader import Loader
from tests.engine.loading.test_loader import load
from tests.engine.loading.test_replacing import replace_toy, root  # noqa: F401  # a fixture
from tests.engine.toy_checkpoints import toy
from tests.running import wait_for


class HangingFiles:
    """Stands for a file system that answers once `is_well`."""

    def __init__(self) -> None:
        self.is_well = threading.Event()
        self.num_calls = 0
        self.really = identity.of_folder

    def of_folder(self, folder: Path) -> str:
        self.num_calls += 1
        assert self.is_well.wait(60)
        return self.really(folder)


@pytest.fixture
def files(monkeypatch: pytest.MonkeyPatch) -> Iterator[HangingFiles]:
    files = HangingFiles()
    monkeypatch.setattr(files_check, "PATIENCE_SECONDS", 0.05)
    yield files
    files.is_well.set()


def test_one_call_waits_and_the_next_ones_do_not(
    files: HangingFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(identity, "of_folder", files.of_folder)
    (tmp_path / "weights").write_text("some")
    check = FilesCheck()

    assert [check.identity(tmp_path) for _ in range(5)] == [""] * 5
    assert files.num_calls == 1

    monkeypatch.setattr(files_check, "PATIENCE_SECONDS", 60)
    files.is_well.set()
    wait_for(lambda: check.identity(tmp_path) == files.really(tmp_path))


def test_a_loaded_checkpoint_serves_until_the_files_can_be_seen(
    files: HangingFiles,
    root: Path,  # noqa: F811  # the fixture
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    loader = Loader(root)
    old = load(loader, "toy")
    loader.release(toy(), old)
    monkeypatch.setattr(identity, "of_folder", files.of_folder)

    replace_toy(root)

    assert loader.acquire(toy()) is old
    loader.release(toy(), old)
    monkeypatch.setattr(files_check, "PATIENCE_SECONDS", 60)
    files.is_well.set()
    wait_for(lambda: not any(not each.done() for each in loader._files._hanging.values()))
    assert load(loader, "toy") is not old
    loader.close()
