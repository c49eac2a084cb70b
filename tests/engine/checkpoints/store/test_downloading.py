"""Downloads: the necessary files only, complete and correct over a bad connection."""

import json
from pathlib import Path

import pytest

from generation.engine.checkpoints import catalogue
from generation.engine.checkpoints.store import downloading, inventory, manifest
from generation.engine.checkpoints.store.downloading import License, LicenseNotAccepted
from generation.engine.checkpoints.store.hub import (
    Broken,
    FetchError,
    NeedsToken,
    NotFound,
    WrongSum,
)
from generation.engine.checkpoints.store.weights import Unusable
from generation.engine.loading.loader import Loader
from tests.engine.checkpoints.store.conftest import CHUNK, TOY, Fetch
from tests.engine.checkpoints.store.hub import STRANGERS_TOKEN, TOKEN, FakeHub, Repository
from tests.engine.loading.test_loader import load

UNET = "unet/diffusion_pytorch_model.safetensors"


def files_in(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_what_was_fetched_can_be_loaded(toy: Repository, fetch: Fetch, root: Path) -> None:
    fetch()

    loader = Loader(root)
    assert load(loader, "toy").pipeline.num_bytes > 0
    loader.close()


def test_only_what_is_needed_is_fetched(toy: Repository, fetch: Fetch, root: Path) -> None:
    fetch()

    assert files_in(root / "toy") == {
        "LICENSE.md",
        "model_index.json",
        "record.json",
        "scheduler/scheduler_config.json",
        "text_encoder/config.json",
        "text_encoder/model.safetensors",
        "tokenizer/tokenizer.json",
        "tokenizer/tokenizer_config.json",
        "unet/config.json",
        UNET,
        "vae/config.json",
        "vae/diffusion_pytorch_model.safetensors",
    }


def test_half_precision_takes_the_place_of_full(toy: Repository, fetch: Fetch, root: Path) -> None:
    full = len(toy.commits["a" * 40][UNET])

    fetch(half=True)

    assert (root / "toy" / UNET).stat().st_size < 0.7 * full
    assert not inventory.verify(inventory.get("toy", root=root))


def test_the_newest_revision_is_pinned(toy: Repository, fetch: Fetch, root: Path) -> None:
    fetch()
    toy.commits["b" * 40] = {**toy.commits["a" * 40], "unet/config.json": b"{}"}
    (root / "toy" / "unet" / "config.json").unlink()

    again = fetch()

    assert again.revision == "a" * 40
    assert (root / "toy" / "unet" / "config.json").read_bytes() != b"{}"


def test_a_revision_can_be_named(toy: Repository, fetch: Fetch, root: Path) -> None:
    toy.commits["b" * 40] = {**toy.commits["a" * 40], "unet/config.json": b"{}"}

    assert fetch(revision="a" * 40).revision == "a" * 40

    with pytest.raises(FetchError, match="pinned to revision aaaa"):
        fetch(revision="b" * 40)


def test_every_sum_is_recorded(toy: Repository, fetch: Fetch, root: Path) -> None:
    fetch()

    known = manifest.read(root / "toy")
    assert known is not None
    assert set(known.files) == files_in(root / "toy") - {"record.json"}
    assert known.files["LICENSE.md"].size == len("Do no harm.")


def test_only_what_is_missing_is_fetched_again(
    toy: Repository, hub: FakeHub, fetch: Fetch, root: Path
) -> None:
    fetch()
    hub.served.clear()
    (root / "toy" / "vae" / "config.json").unlink()

    fetch()

    assert set(hub.served) == {"model_index.json", "vae/config.json"}


def test_a_file_that_went_bad_is_fetched_again(toy: Repository, fetch: Fetch, root: Path) -> None:
    fetch()
    weights = root / "toy" / UNET
    good = weights.read_bytes()
    weights.write_bytes(good[:-1] + bytes([good[-1] ^ 1]))
    assert inventory.verify(inventory.get("toy", root=root))

    fetch()

    assert weights.read_bytes() == good
    assert inventory.get("toy", root=root).is_usable


def test_a_connection_that_breaks_is_gone_on_with(
    toy: Repository, hub: FakeHub, fetch: Fetch, root: Path
) -> None:
    size = len(toy.commits["a" * 40][UNET])
    toy.breaks[UNET] = [size // 3, size // 3]

    fetch()

    assert (root / "toy" / UNET).read_bytes() == toy.commits["a" * 40][UNET]
    assert hub.served[UNET] < size + 3 * CHUNK


def test_a_command_that_was_ended_is_gone_on_with(
    toy: Repository, hub: FakeHub, fetch: Fetch, root: Path
) -> None:
    size = len(toy.commits["a" * 40][UNET])
    toy.breaks[UNET] = [size // 2, *[0] * 100]
    with pytest.raises(Broken, match="run the same command again"):
        fetch()
    assert not (root / "toy").exists()
    toy.breaks.clear()

    fetch()

    assert hub.served[UNET] < size + 2 * CHUNK


def test_a_server_that_cannot_go_on_starts_again(
    toy: Repository, hub: FakeHub, fetch: Fetch, root: Path
) -> None:
    hub.knows_ranges = False
    toy.breaks[UNET] = [1_000]

    fetch()

    assert (root / "toy" / UNET).read_bytes() == toy.commits["a" * 40][UNET]


@pytest.mark.parametrize("path", [UNET, "unet/config.json"])
def test_a_file_with_another_sum_is_thrown_away(
    toy: Repository, fetch: Fetch, root: Path, path: str
) -> None:
    content = toy.commits["a" * 40][path]
    toy.announced[path] = content[:-1] + b"?"

    with pytest.raises(WrongSum, match=path):
        fetch()

    assert not (root / "toy").exists()
    assert path not in files_in(root / downloading.ASIDE / "toy")


def test_a_file_that_is_shorter_than_announced_is_an_error(
    toy: Repository, fetch: Fetch, root: Path
) -> None:
    toy.announced[UNET] = toy.commits["a" * 40][UNET] + b"more"

    with pytest.raises(FetchError):
        fetch()

    assert not (root / "toy").exists()


def test_a_part_that_went_bad_is_started_again(
    toy: Repository, hub: FakeHub, fetch: Fetch, root: Path
) -> None:
    part = root / downloading.ASIDE / "toy" / f"{UNET}.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(b"?" * 500)

    fetch()

    assert (root / "toy" / UNET).read_bytes() == toy.commits["a" * 40][UNET]


def test_a_hub_that_changes_a_pinned_file_is_found_out(
    toy: Repository, fetch: Fetch, root: Path
) -> None:
    fetch()
    toy.commits["a" * 40] = {**toy.commits["a" * 40], "vae/config.json": b"{}"}
    (root / "toy" / "vae" / "config.json").unlink()

    with pytest.raises(FetchError, match="not the one that was recorded"):
        fetch()


def test_a_gated_repository_wants_a_token(toy: Repository, fetch: Fetch) -> None:
    toy.gated = True

    with pytest.raises(NeedsToken, match="set HF_TOKEN"):
        fetch()
    with pytest.raises(NeedsToken, match="has not been let in"):
        fetch(token=STRANGERS_TOKEN)
    with pytest.raises(NeedsToken, match="does not know the token"):
        fetch(token="nobody's")

    assert fetch(token=TOKEN).revision


@pytest.mark.parametrize("token", ["", STRANGERS_TOKEN])
def test_a_repository_that_is_not_there_or_hidden_is_an_error(
    toy: Repository, hub: FakeHub, fetch: Fetch, token: str
) -> None:
    toy.private = True
    with pytest.raises(NotFound, match="somebody/toy"):
        fetch(token=token)
    hub.repositories.clear()

    with pytest.raises(NotFound, match="somebody/toy"):
        fetch(token=token)


def test_a_revision_that_is_not_there_is_an_error(toy: Repository, fetch: Fetch) -> None:
    with pytest.raises(NotFound, match="no such revision"):
        fetch(revision="f" * 40)


def test_a_hub_out_of_reach_is_an_error(hub: FakeHub, fetch: Fetch) -> None:
    hub.close()

    with pytest.raises(Broken, match="connection to the hub"):
        fetch()


def test_a_repository_without_pipeline_is_an_error(toy: Repository, fetch: Fetch) -> None:
    del toy.commits["a" * 40]["model_index.json"]

    with pytest.raises(FetchError, match=r"has no model_index\.json"):
        fetch()


def test_pickles_are_refused_with_the_reason(toy: Repository, fetch: Fetch, root: Path) -> None:
    files = toy.commits["a" * 40]
    for path in [path for path in files if path.startswith("unet/") and "safetensors" in path]:
        del files[path]

    with pytest.raises(Unusable, match=r"unet is there as a pickle only\. Pickled weights can run"):
        fetch()

    assert not (root / "toy").exists()


def test_a_part_without_weights_is_an_error(toy: Repository, fetch: Fetch, root: Path) -> None:
    del toy.commits["a" * 40]["vae/diffusion_pytorch_model.safetensors"]

    with pytest.raises(FetchError, match="vae has no safetensors"):
        fetch()

    assert not (root / "toy").exists()


def test_the_license_is_shown_and_accepted_once(toy: Repository, fetch: Fetch, root: Path) -> None:
    shown: list[License] = []

    def accept(license: License) -> bool:
        shown.append(license)
        return True

    toy.breaks[UNET] = [0] * 100
    with pytest.raises(Broken):
        fetch(accept=accept)
    toy.breaks.clear()
    fetch(accept=accept)
    (root / "toy" / "vae" / "config.json").unlink()
    fetch(accept=accept)

    assert shown == [License(name="Open RAIL-M", text="Do no harm.")]
    known = manifest.read(root / "toy")
    assert known is not None and known.license_accepted_at


def test_without_acceptance_nothing_is_fetched(
    toy: Repository, hub: FakeHub, fetch: Fetch, root: Path
) -> None:
    with pytest.raises(LicenseNotAccepted, match="Open RAIL-M"):
        fetch(accept=lambda _: False)

    assert set(hub.served) == {"LICENSE.md"}
    assert not (root / "toy").exists()


def test_a_disk_without_room_is_told_before(
    toy: Repository, hub: FakeHub, fetch: Fetch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(downloading, "_SPARE_BYTES", 2**62)

    with pytest.raises(FetchError, match="bytes are to come"):
        fetch()

    assert UNET not in hub.served


def test_the_same_is_not_fetched_twice_at_once(toy: Repository, fetch: Fetch, root: Path) -> None:
    with (
        downloading._claimed(root / downloading.ASIDE / "toy"),
        pytest.raises(FetchError, match="being fetched already"),
    ):
        fetch()


def test_what_was_put_there_by_hand_is_not_mistaken(
    toy: Repository, fetch: Fetch, root: Path, checkpoint_root: Path
) -> None:
    (root / "toy").mkdir(parents=True)
    manifest.write(manifest.Manifest(source="/somewhere/else"), root / "toy")

    with pytest.raises(FetchError, match="came from /somewhere/else"):
        fetch()


def test_weights_in_shards_come_with_their_index(toy: Repository, fetch: Fetch, root: Path) -> None:
    files = toy.commits["a" * 40]
    content = files.pop("text_encoder/model.safetensors")
    files["text_encoder/model.fp16-00001-of-00001.safetensors"] = content
    names = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    weight_map = dict.fromkeys(names, "model.fp16-00001-of-00001.safetensors")
    files["text_encoder/model.safetensors.index.fp16.json"] = json.dumps(
        {"weight_map": weight_map}
    ).encode()

    fetch(half=True)

    assert "text_encoder/model.safetensors.index.json" in files_in(root / "toy")
    assert catalogue.is_available(catalogue.get(TOY.id), root=root)
