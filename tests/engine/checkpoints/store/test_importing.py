"""Imports of local checkpoints: their detection, and the same images as before."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from generation.engine.checkpoints import catalogue
from generation.engine.checkpoints.checkpoint import GENERAL, PAINTING
from generation.engine.checkpoints.store import inventory
from generation.engine.checkpoints.store.weights import Unusable
from generation.engine.enums import Family, Mode
from tests.engine.checkpoints.store.adding import add, draw
from tests.engine.checkpoints.store.originals import ORIGINALS
from tests.engine.checkpoints.store.singlefile import single_file

pytestmark = pytest.mark.usefixtures("own_catalogue")

PREDICTIONS = {"sd2-epsilon": "epsilon", "sd2-velocity": "v_prediction"}
FAMILIES = {
    "sd1": Family.SD1,
    "sd1-inpaint": Family.SD1,
    "sd2-epsilon": Family.SD1,  # by its toy width alone it cannot be told from version 1
    "sd2-velocity": Family.SD1,
    "sdxl": Family.SDXL,
    "sdxl-refiner": Family.SDXL,
    "sd3": Family.SD3,
    "sd3-without-t5": Family.SD3,
    "sd3.5": Family.SD3,
}


@pytest.mark.parametrize("kind", ORIGINALS)
def test_a_single_file_draws_what_its_folder_draws(
    original: Callable[[str], Path], single: Callable[[str], Path], root: Path, kind: str
) -> None:
    folder = original(kind)
    add(folder, root, id="folder")

    file = add(single(kind), root, id="file", prediction=PREDICTIONS.get(kind), vocabulary=folder)

    assert file.family is FAMILIES[kind]
    assert draw(root, "file").tobytes() == draw(root, "folder").tobytes()


def test_the_vocabulary_comes_from_an_installed_checkpoint(
    original: Callable[[str], Path], single: Callable[[str], Path], root: Path
) -> None:
    add(original("sdxl"), root)

    add(single("sd1"), root)

    assert catalogue.is_available(catalogue.get("sd1"), root=root)


def test_without_any_vocabulary_it_is_said(single: Callable[[str], Path], root: Path) -> None:
    with pytest.raises(Unusable, match="--vocabulary PATH"):
        add(single("sd1"), root)

    assert not (root / "sd1").exists()


def test_a_vocabulary_of_another_size_does_not_do(
    single: Callable[[str], Path], root: Path
) -> None:
    sketchbook = catalogue._PACKAGE / "sketchbook" / "checkpoint"

    with pytest.raises(Unusable, match="no vocabulary of CLIP with 54 words"):
        add(single("sd1"), root, vocabulary=sketchbook)


def test_without_its_vocabulary_t5_is_left_out(
    original: Callable[[str], Path], single: Callable[[str], Path], root: Path
) -> None:
    add(single("sd3"), root, vocabulary=original("sd1"))

    assert not (root / "sd3" / "text_encoder_3").exists()
    assert draw(root, "sd3")


def test_of_version_2_the_prediction_must_be_said(
    original: Callable[[str], Path], single: Callable[[str], Path], root: Path
) -> None:
    with pytest.raises(Unusable, match="--prediction v_prediction for one of 768"):
        add(single("sd2-velocity"), root, vocabulary=original("sd1"))


def test_an_xl_file_may_say_that_it_predicts_velocity(
    original: Callable[[str], Path], single: Callable[..., Path], root: Path
) -> None:
    path = single("sdxl", v_pred=torch.tensor([]), ztsnr=torch.tensor([]))

    add(path, root, vocabulary=original("sd1"))

    config = json.loads((root / "sdxl" / "scheduler" / "scheduler_config.json").read_text())
    assert config["prediction_type"] == "v_prediction"
    assert config["rescale_betas_zero_snr"] is True


def test_weights_in_eight_bits_are_widened(
    original: Callable[[str], Path], single: Callable[..., Path], root: Path, tmp_path: Path
) -> None:
    weights = single_file(ORIGINALS["sd3"]())
    narrow = {name: tensor.to(torch.float8_e4m3fn) for name, tensor in weights.items()}
    save_file(narrow, tmp_path / "small.safetensors")

    add(tmp_path / "small.safetensors", root, vocabulary=original("sd3"))

    assert draw(root, "small")


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("double_blocks.0.img_attn.qkv.weight", "This is Flux"),
        ("control_model.input_blocks.0.0.weight", "This is a ControlNet"),
        ("something.else", "No Stable Diffusion checkpoint"),
        ("edm_vpred.sigma_max", "This is CosXL"),
    ],
)
def test_what_is_no_stable_diffusion_is_refused(
    root: Path, tmp_path: Path, name: str, reason: str
) -> None:
    save_file({name: torch.zeros(1)}, tmp_path / "file.safetensors")

    with pytest.raises(Unusable, match=reason):
        add(tmp_path / "file.safetensors", root)


@pytest.mark.parametrize(
    ("prefix", "reason"),
    [("cond_stage_model.", "no text_encoder"), ("first_stage_model.", "no VAE")],
)
def test_a_part_of_a_checkpoint_is_refused(
    root: Path, tmp_path: Path, prefix: str, reason: str
) -> None:
    weights = single_file(ORIGINALS["sd1"]())
    rest = {name: each for name, each in weights.items() if not name.startswith(prefix)}
    save_file(rest, tmp_path / "file.safetensors")

    with pytest.raises(Unusable, match=reason):
        add(tmp_path / "file.safetensors", root)


def test_a_file_with_tensors_missing_is_refused_and_leaves_nothing(
    original: Callable[[str], Path], root: Path, tmp_path: Path
) -> None:
    weights = single_file(ORIGINALS["sd1"]())
    del weights["model.diffusion_model.out.2.bias"]
    save_file(weights, tmp_path / "file.safetensors")

    with pytest.raises(Unusable, match=r"unet is of no known geometry.*conv_out\.bias"):
        add(tmp_path / "file.safetensors", root, vocabulary=original("sd1"))

    assert list(root.glob("*/*")) == []


def test_a_file_that_is_cut_off_is_refused(single: Callable[[str], Path], root: Path) -> None:
    path = single("sd1")
    path.write_bytes(path.read_bytes()[:-10])

    with pytest.raises(Unusable, match="not whole: 10 bytes are missing"):
        add(path, root)


@pytest.mark.parametrize("suffix", [".ckpt", ".pt", ".pth", ".bin"])
def test_a_pickle_is_refused_with_the_reason(root: Path, tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"model{suffix}"
    path.write_bytes(b"")

    with pytest.raises(Unusable, match=r"is a pickle\. Pickled weights can run code"):
        add(path, root)


def test_a_folder_with_pickles_only_is_refused(original: Callable[[str], Path], root: Path) -> None:
    folder = original("sd1")
    weights = folder / "unet" / "diffusion_pytorch_model.safetensors"
    weights.rename(weights.with_suffix(".bin"))

    with pytest.raises(Unusable, match="unet is there as a pickle only"):
        add(folder, root)


def test_what_is_neither_folder_nor_file_is_refused(root: Path, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("")
    (tmp_path / "empty").mkdir()

    with pytest.raises(Unusable, match="There is no"):
        add(tmp_path / "nothing", root)
    with pytest.raises(Unusable, match="neither a folder nor"):
        add(tmp_path / "notes.txt", root)
    with pytest.raises(Unusable, match="not in the layout of diffusers"):
        add(tmp_path / "empty", root)


def test_a_copied_folder_stands_alone(original: Callable[[str], Path], root: Path) -> None:
    folder = original("sd1")
    (folder / "unet" / "old.ckpt").write_bytes(b"")

    add(folder, root)
    (folder / "unet" / "config.json").unlink()

    assert catalogue.is_available(catalogue.get("sd1"), root=root)
    assert not (root / "sd1" / "unet" / "old.ckpt").exists()


def test_a_linked_folder_stays_where_it_is(original: Callable[[str], Path], root: Path) -> None:
    folder = original("sd1")

    add(folder, root, links=True)
    assert draw(root, "sd1")
    weights = folder / "vae" / "diffusion_pytorch_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1])

    assert not catalogue.is_available(catalogue.get("sd1"), root=root)
    inventory.remove(inventory.get("sd1", root=root))
    assert weights.exists()


def test_a_name_becomes_an_id(original: Callable[[str], Path], root: Path) -> None:
    folder = original("sd1").rename(root.parent / "My Model v1.5 (final)")

    checkpoint = add(folder, root)

    assert checkpoint.id == "my-model-v1.5-final"


@pytest.mark.parametrize("id", ["sd-1.5", "sketchbook", "safety-checker", "Ä", "../x", "a/b"])
def test_an_id_that_is_taken_or_impossible_is_refused(
    original: Callable[[str], Path], root: Path, id: str
) -> None:
    with pytest.raises(Unusable, match="id"):
        add(original("sd1"), root, id=id)


def test_an_id_is_taken_once(original: Callable[[str], Path], root: Path) -> None:
    folder = original("sd1")
    add(folder, root)

    with pytest.raises(Unusable, match="installed already"):
        add(folder, root)


def test_the_catalogue_knows_what_it_can_do(original: Callable[[str], Path], root: Path) -> None:
    plain = add(original("sd1"), root, name="Mine", license="MIT")
    painting = add(original("sd1-inpaint"), root)
    refiner = add(original("sdxl-refiner"), root)

    assert (plain.name, plain.license, plain.modes) == ("Mine", "MIT", GENERAL)
    assert (plain.native_size, plain.multiple) == (128, 2)
    assert painting.modes == PAINTING
    assert refiner.modes == {Mode.IMAGE_TO_IMAGE}
    assert set(catalogue.CHECKPOINTS) == {"sd1", "sd1-inpaint", "sdxl-refiner"}
