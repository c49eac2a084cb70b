"""Faults of a checkpoint show in a quick check, and for certain in a full verification."""

import json
import shutil
from pathlib import Path

import pytest

from generation.engine.checkpoints import catalogue
from generation.engine.checkpoints.store import inventory, manifest, status
from generation.engine.checkpoints.store.inventory import InventoryItem, NotInstalled
from generation.engine.checkpoints.store.manifest import Manifest
from generation.engine.checkpoints.store.weights import Unusable, header

UNET = "unet/diffusion_pytorch_model.safetensors"


@pytest.fixture
def root(tmp_path: Path, checkpoint_root: Path) -> Path:
    """A shelf with the toy, put there by hand."""
    shutil.copytree(checkpoint_root / "toy", tmp_path / "toy")
    return tmp_path


def entry(root: Path, id: str = "toy") -> InventoryItem:
    return inventory.get(id, root=root)


def write_record(root: Path) -> None:
    folder = root / "toy"
    files = [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()]
    manifest.write(Manifest(source="somewhere", files=manifest.checksums(folder, files)), folder)


def flip_a_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def test_a_whole_checkpoint_is_usable_with_and_without_a_record(root: Path) -> None:
    assert entry(root).is_usable
    write_record(root)
    assert entry(root).is_usable
    assert inventory.verify(entry(root)) == []


@pytest.mark.parametrize("is_recorded", [True, False])
@pytest.mark.parametrize("name", [UNET, "vae/config.json", "scheduler/scheduler_config.json"])
def test_a_missing_file_shows(root: Path, name: str, is_recorded: bool) -> None:
    if is_recorded:
        write_record(root)
    (root / "toy" / name).unlink()

    assert entry(root).fault
    assert not catalogue.is_available(catalogue.get("toy"), root=root)
    assert catalogue.is_present(catalogue.get("toy"), root=root)


@pytest.mark.parametrize("is_recorded", [True, False])
@pytest.mark.parametrize("change", [lambda content: content[:-1], lambda content: content + b"x"])
def test_weights_of_another_length_show(root: Path, is_recorded: bool, change) -> None:
    if is_recorded:
        write_record(root)
    path = root / "toy" / UNET
    path.write_bytes(change(path.read_bytes()))

    assert entry(root).fault
    assert not catalogue.is_available(catalogue.get("toy"), root=root)


def test_a_changed_byte_is_found_by_reading_and_then_known(root: Path) -> None:
    write_record(root)
    flip_a_bit(root / "toy" / UNET)
    assert entry(root).is_usable

    found = inventory.verify(entry(root))

    assert found == [f"{UNET} is not what was recorded: its sum is another."]
    assert entry(root).fault == found[0]
    assert not catalogue.is_available(catalogue.get("toy"), root=root)


def test_a_checkpoint_that_was_repaired_is_usable_again(root: Path) -> None:
    write_record(root)
    flip_a_bit(root / "toy" / UNET)
    inventory.verify(entry(root))
    flip_a_bit(root / "toy" / UNET)

    assert inventory.verify(entry(root)) == []
    assert entry(root).is_usable


def test_a_record_does_not_hide_what_the_structure_lacks(root: Path) -> None:
    shutil.rmtree(root / "toy" / "vae")
    write_record(root)

    assert "vae has no safetensors" in inventory.verify(entry(root))[0]


def test_pickles_alone_show(root: Path) -> None:
    (root / "toy" / UNET).rename((root / "toy" / UNET).with_suffix(".bin"))

    assert "pickled weights, which can run code" in entry(root).fault


def test_a_missing_shard_shows(root: Path) -> None:
    index = {"weight_map": {"a": "model-00001-of-00002.safetensors"}}
    (root / "toy" / "unet" / "x.safetensors.index.json").write_text(json.dumps(index))

    assert "model-00001-of-00002.safetensors is missing" in entry(root).fault


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0" * 8,
        b"\xff" * 64,
        (2).to_bytes(8, "little") + b"[]",
        (9).to_bytes(8, "little") + b'{"a": {}}',
        (4).to_bytes(8, "little") + b"oops",
    ],
)
def test_what_is_no_safetensors_file_is_told(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "file.safetensors").write_bytes(content)

    with pytest.raises(Unusable, match="no safetensors file"):
        header(tmp_path / "file.safetensors")


def test_a_record_that_cannot_be_read_is_none(root: Path) -> None:
    (root / "toy" / manifest.NAME).write_text("{}")

    assert manifest.read(root / "toy") is None
    assert entry(root).is_usable


def test_the_bundled_checkpoint_is_verified_and_stays(root: Path) -> None:
    bundled = entry(root, "sketchbook")

    assert inventory.verify(bundled) == []
    assert not (bundled.folder / status.FAULTS).exists()
    with pytest.raises(NotInstalled, match="part of the program"):
        inventory.remove(bundled)
    assert bundled.is_usable


def test_removing_takes_all_of_it(root: Path) -> None:
    inventory.remove(entry(root))

    assert list(root.iterdir()) == []
    assert not entry(root).is_present


def test_what_is_not_there_cannot_be_removed(root: Path) -> None:
    with pytest.raises(NotInstalled, match="not installed"):
        inventory.remove(entry(root, "sd-1.5"))
    with pytest.raises(NotInstalled, match="no checkpoint called nothing"):
        entry(root, "nothing")


def test_of_a_linked_folder_the_link_is_removed(root: Path, checkpoint_root: Path) -> None:
    (root / "toy-v").symlink_to(checkpoint_root / "toy-v")

    inventory.remove(entry(root, "toy-v"))

    assert not (root / "toy-v").is_symlink()
    assert (checkpoint_root / "toy-v").is_dir()


def test_everything_that_can_be_on_the_shelf_is_listed(root: Path) -> None:
    listed = {each.id: each for each in inventory.entries(root)}

    assert listed["sketchbook"].is_bundled
    assert not listed["sd-1.5"].is_present
    assert listed["toy"].is_own
    assert listed["safety-checker"].family is None
