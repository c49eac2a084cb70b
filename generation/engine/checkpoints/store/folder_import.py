"""Import of a folder in the layout of diffusers, with parts that the operator brings."""

import shutil
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from generation.engine import strict_json
from generation.engine.checkpoints.store import file_forms, file_selection, pipelines, structure
from generation.engine.checkpoints.store.downloads import PARTS
from generation.engine.checkpoints.store.files import write_json
from generation.engine.checkpoints.store.weights import Unusable
from generation.engine.enums import Family

# The parts that an operator may bring. SDXL's refiner does without the first text encoder.
_NEEDED: Mapping[Family, tuple[str, ...]] = {
    Family.SD1: ("text_encoder", "vae"),
    Family.SD2: ("text_encoder", "vae"),
    Family.SDXL: ("text_encoder_2", "vae"),
    Family.SD3: ("text_encoder", "text_encoder_2", "vae"),
}


def require_known(path: Path) -> None:
    """Raise Unusable for a folder that is no checkpoint, or of a pipeline that can't be followed."""
    pipelines.require_known(_index_of(path))
    if not any((path / part).is_dir() for part in ("unet", "transformer")):
        raise Unusable(f"{path} has no unet and no transformer: it is a part of a checkpoint.")


def require_parts(folder: Path, family: Family) -> None:
    """Raise Unusable, with what to do, for a folder that lacks a part which can be brought."""
    for part in _NEEDED[family]:
        if not (folder / part).is_dir():
            option = "--vae" if part == "vae" else "--text-encoder"
            raise Unusable(
                f"The folder has no {part}: it is incomplete. Download it again, or bring the part: {option} PATH, "
                "an installed checkpoint's id, a folder, or a .safetensors file."
            )


def take(path: Path, folder: Path, *, links: bool, brought: Collection[str]) -> None:
    """Copy or link the files that the engine loads, but those of the parts brought. Raises Unusable."""
    names = [each.relative_to(path).as_posix() for each in path.rglob("*") if each.is_file()]
    left_out = {*brought, *(part.replace("text_encoder", "tokenizer") for part in brought)}
    parts = [
        name
        for name in (*PARTS, "feature_extractor")
        if (path / name).is_dir() and name not in left_out
    ]
    for choice in file_selection.select(names, parts=parts, half=False):
        _bring(path / choice.source, folder / choice.path, links=links)


def add_to_index(folder: Path, parts: Collection[str]) -> None:
    """Name parts in the folder's index that it did not have."""
    index = _index_of(folder)
    for part in parts:
        if not all(index.get(part) or [None]):
            index[part] = _entry(folder / part)
    # A link would write into the operator's own folder.
    (folder / structure.INDEX).unlink()
    write_json(folder / structure.INDEX, index)


def copy_part(source: Path, target: Path) -> None:
    """Copy a part's files, its weights under their plain names. Raises Unusable."""
    names = [each.name for each in source.iterdir() if each.is_file()]
    for name, there in file_selection.select_in_part(source.name, names):
        _bring(source / there, target / name, links=False)


def _index_of(path: Path) -> dict[str, Any]:
    """Return the index of a folder. Raises Unusable."""
    if not (path / structure.INDEX).is_file():
        raise Unusable(_without_index(path))
    try:
        index = strict_json.read(path / structure.INDEX)
    except (OSError, ValueError) as error:
        raise Unusable(f"{path / structure.INDEX} cannot be read: {error}") from error
    if not isinstance(index, dict):
        raise Unusable(f"{path / structure.INDEX} is no index: download the folder again.")
    return index


def _without_index(path: Path) -> str:
    """Return the message for a folder without an index: what it is, and what to add."""
    start = f"{path} has no {structure.INDEX}: it is not in the layout of diffusers."
    if (path / "adapter_config.json").is_file():
        return f"{start} It is a LoRA of PEFT. Adapters are not used here: add a checkpoint."
    if name := _class_in(path):
        return f"{start} It is one part, {name}: {_use_of(name)}"
    for inner in sorted(path.glob(f"*/{structure.INDEX}")) + sorted(
        path.glob(f"snapshots/*/{structure.INDEX}")
    ):
        return f"{start} Add the folder in it that is: {inner.parent}"
    files = sorted(each.name for each in path.iterdir() if file_forms.is_safetensors(each))
    if files:
        return f"{start} Add one of its files: {', '.join(files[:5])}"
    inside = sorted(path.iterdir())
    reasons = [reason for each in inside if (reason := file_forms.reason_by_name(each))]
    return " ".join([start, *reasons[:1]]) if inside else f"{start} It is empty."


def _class_in(path: Path) -> str:
    try:
        config = strict_json.read(path / "config.json")
        return str(config.get("_class_name") or next(iter(config.get("architectures") or ())))
    except (OSError, AttributeError, StopIteration, ValueError):
        return ""


def _use_of(name: str) -> str:
    if name.startswith("Autoencoder"):
        return "bring it with its checkpoint: checkpoints add CHECKPOINT --vae PATH."
    if name.startswith(("CLIPText", "T5Encoder")):
        return "bring it with its checkpoint: checkpoints add CHECKPOINT --text-encoder PATH."
    if name.startswith(("UNet2D", "SD3Transformer")):
        return "add the folder of the whole checkpoint."
    return "Stable Diffusion's checkpoints do not have it."


def _entry(folder: Path) -> list[str]:
    name = _class_in(folder)
    return ["diffusers" if name.startswith("Autoencoder") else "transformers", name]


def _bring(source: Path, target: Path, *, links: bool) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if links:
        target.symlink_to(source.resolve())
    else:
        shutil.copyfile(source, target)
