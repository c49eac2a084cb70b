"""A VAE and text encoders that the operator brings make a checkpoint of a file or folder without them."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from generation.engine.checkpoints.store.weights import Unusable
from tests.engine.checkpoints.store.adding import add, draw
from tests.engine.checkpoints.store.originals import ORIGINALS
from tests.engine.checkpoints.store.singlefile import single_file

pytestmark = pytest.mark.usefixtures("own_catalogue")
VAE = "first_stage_model."
ENCODERS = {
    "sd1": ("cond_stage_model.transformer.",),
    "sdxl": ("conditioner.embedders.0.transformer.", "conditioner.embedders.1.model."),
    "sd3": (
        "text_encoders.clip_l.transformer.",
        "text_encoders.clip_g.transformer.",
        "text_encoders.t5xxl.transformer.",
    ),
}
Original = Callable[[str], Path]


def split(path: Path, *prefixes: str) -> list[Path]:
    """Move the tensors with each prefix into a file of their own, without it; return the files."""
    weights, files = load_file(path), []
    for number, prefix in enumerate(prefixes):
        part = {
            name.removeprefix(prefix): weights.pop(name)
            for name in list(weights)
            if name.startswith(prefix)
        }
        files.append(path.with_name(f"{path.stem}-part-{number}.safetensors"))
        save_file(part, files[-1])
    save_file(weights, path)
    return files


@pytest.mark.parametrize("kind", ENCODERS)
def test_parts_in_files_of_their_own_make_the_same_pictures(
    original: Original, single: Original, root: Path, kind: str
) -> None:
    folder, file = original(kind), single(kind)
    vae, *encoders = split(file, VAE, *ENCODERS[kind])
    add(folder, root, id="folder")

    add(file, root, id="file", vae=vae, text_encoders=tuple(encoders), vocabulary=folder)

    assert draw(root, "file").tobytes() == draw(root, "folder").tobytes()


def test_parts_come_from_a_folder_or_another_file(
    original: Original, single: Original, root: Path
) -> None:
    folder, file, whole = original("sd1"), single("sd1"), single("sdxl")
    split(file, VAE, *ENCODERS["sd1"])
    add(folder, root, id="folder")

    add(file, root, id="file", vae=folder / "vae", text_encoders=(folder,), vocabulary=folder)
    assert draw(root, "file").tobytes() == draw(root, "folder").tobytes()

    add(file, root, id="other", vae=whole, text_encoders=(folder / "text_encoder",))
    assert draw(root, "other").tobytes() != draw(root, "folder").tobytes()


def test_a_folder_without_parts_takes_those_brought(original: Original, root: Path) -> None:
    whole, bare = original("sd1"), root.parent / "bare"
    shutil.copytree(whole, bare)
    for part in ("vae", "text_encoder", "tokenizer"):
        shutil.rmtree(bare / part)
    index = json.loads((bare / "model_index.json").read_text())
    (bare / "model_index.json").write_text(json.dumps(index | {"vae": [None, None]}))
    add(whole, root, id="whole")
    with pytest.raises(Unusable, match=r"no text_encoder.*--text-encoder PATH"):
        add(bare, root)

    add(bare, root, vae=whole, text_encoders=(whole,), links=True)

    assert draw(root, "bare").tobytes() == draw(root, "whole").tobytes()
    written = json.loads((root / "bare" / "model_index.json").read_text())
    assert written["vae"] == ["diffusers", "AutoencoderKL"]
    assert json.loads((bare / "model_index.json").read_text())["vae"] == [None, None]


def test_a_brought_vae_replaces_that_of_the_file(
    original: Original, single: Original, root: Path
) -> None:
    folder, file = original("sd1"), single("sd1")
    weights = load_file(file)
    for name in weights:
        if name.startswith(VAE):
            weights[name] = torch.zeros_like(weights[name])
    save_file(weights, file)
    add(folder, root, id="folder")

    add(file, root, id="file", vae=folder, vocabulary=folder)

    assert draw(root, "file").tobytes() == draw(root, "folder").tobytes()


@pytest.mark.parametrize(
    ("prefixes", "words"),
    [
        ([VAE], r"no VAE: it is a part of a checkpoint of sd1.*--vae PATH\."),
        (ENCODERS["sd1"], r"no text_encoder: .*--text-encoder PATH\."),
        ([VAE, *ENCODERS["sd1"]], r"no text_encoder and no VAE: .*--vae PATH --text-encoder PATH"),
    ],
)
def test_a_missing_part_is_named_with_its_option(
    single: Original, root: Path, prefixes: list[str], words: str
) -> None:
    file = single("sd1")
    split(file, *prefixes)

    with pytest.raises(Unusable, match=words):
        add(file, root)


@pytest.mark.parametrize("kind", ["sdxl", "sd3"])
def test_a_denoiser_without_a_prefix_is_named_with_its_family(
    root: Path, tmp_path: Path, kind: str
) -> None:
    start = "model.diffusion_model."
    weights = single_file(ORIGINALS[kind]())
    bare = {n.removeprefix(start): t.clone() for n, t in weights.items() if n.startswith(start)}
    save_file(bare, tmp_path / "file.safetensors")

    with pytest.raises(Unusable, match=f"of {kind}.*--vae PATH --text-encoder PATH for each"):
        add(tmp_path / "file.safetensors", root)


def test_what_is_brought_must_fit(original: Original, single: Original, root: Path) -> None:
    folder = original("sd1")

    with pytest.raises(Unusable, match="16 channels"):
        add(folder, root, vae=single("sd3"))
    with pytest.raises(Unusable, match="text encoders of sdxl, and the checkpoint is sd1"):
        add(folder, root, text_encoders=(single("sdxl"),))
    with pytest.raises(Unusable, match="no VAE: --vae wants"):
        add(folder, root, vae=folder / "unet")
    with pytest.raises(Unusable, match="There is no"):
        add(folder, root, vae=folder / "nothing")


def test_a_vae_with_another_scale_is_doubted(
    original: Original, single: Original, root: Path
) -> None:
    notes: list[str] = []

    add(single("sdxl"), root, vae=original("sd1"), vocabulary=original("sd1"), say=notes.append)

    (note,) = notes
    assert "0.18215" in note
    assert "0.13025 is usual for sdxl" in note
