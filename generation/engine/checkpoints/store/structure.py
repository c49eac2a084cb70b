"""Check of a checkpoint's folder for its parts. Reads headers of weights only."""

from collections.abc import Mapping, Sequence
from math import prod
from pathlib import Path

from generation.engine import strict_json
from generation.engine.checkpoints.store import weights
from generation.engine.checkpoints.store.file_forms import PICKLES
from generation.engine.checkpoints.store.weights import Unusable, weight_files
from generation.engine.enums import Family

INDEX = "model_index.json"
# The parts that a checkpoint of the family needs; it may have more.
PARTS: Mapping[Family, tuple[str, ...]] = {
    Family.SD1: ("text_encoder", "unet", "vae"),
    Family.SD2: ("text_encoder", "unet", "vae"),
    Family.SDXL: ("text_encoder_2", "unet", "vae"),
    Family.SD3: ("text_encoder", "text_encoder_2", "transformer", "vae"),
}
MORE_PARTS = ("text_encoder", "text_encoder_3", "depth_estimator")
CHECKER = "safety_checker"
# Left out if the device is too small for it.
DISPENSABLE = "text_encoder_3"
# Without them transformers builds an empty tokenizer, to which every prompt is the same.
TOKENIZER_FILES = ("tokenizer.json", "vocab.json", "spiece.model")


def require(folder: Path, family: Family | None) -> dict[str, int]:
    """Return the number of weights of each part.

    Without a family the folder is the safety checker's. Raises Unusable for missing, truncated or
    pickled files.
    """
    if family is None:
        if not (folder / "feature_extractor" / "preprocessor_config.json").is_file():
            raise Unusable(f"{folder} has no feature extractor: it is incomplete.")
        return {CHECKER: require_part(folder / CHECKER)}
    if not (folder / INDEX).is_file():
        raise Unusable(f"{folder} has no {INDEX}: the checkpoint is missing or incomplete.")
    if not (folder / "scheduler" / "scheduler_config.json").is_file():
        raise Unusable(f"{folder} has no noise scheduler: the checkpoint is incomplete.")
    tokenizers = sorted(folder.glob("tokenizer*"))
    for tokenizer in tokenizers or [folder / "tokenizer"]:
        if not any((tokenizer / name).is_file() for name in TOKENIZER_FILES):
            raise Unusable(f"{tokenizer} has no vocabulary: the checkpoint is incomplete.")
    _require_estimator(folder)
    parts = {*PARTS[family], *(name for name in MORE_PARTS if (folder / name).is_dir())}
    return {name: require_part(folder / name) for name in sorted(parts)}


def _require_estimator(folder: Path) -> None:
    """Raise Unusable if the index names a depth estimator that is not here."""
    index = strict_json.read(folder / INDEX)
    named = index.get("depth_estimator") if isinstance(index, dict) else None
    is_named = all(named) if isinstance(named, list) and named else bool(named)
    if is_named and not (folder / "depth_estimator").is_dir():
        raise Unusable(f"{folder} has no depth_estimator, which its index names: it is incomplete.")


def require_part(folder: Path) -> int:
    """Return the number of weights of a part. Raises Unusable."""
    files: Sequence[Path] = sorted(folder.iterdir()) if folder.is_dir() else []
    if not any(path.suffix == ".safetensors" for path in files):
        if any(path.suffix in PICKLES for path in files):
            raise Unusable(
                f"{folder} has only pickled weights, which can run code: use safetensors."
            )
        raise Unusable(f"{folder} has no safetensors weights: the checkpoint is incomplete.")
    if not (folder / "config.json").is_file():
        raise Unusable(f"{folder} has no config.json: the checkpoint is incomplete.")
    return sum(_count(path) for path in weight_files(folder))


def _count(path: Path) -> int:
    if not path.is_file():
        raise Unusable(f"{path} is missing: the checkpoint is incomplete.")
    return sum(prod(tensor.shape) for tensor in weights.header(path).values())
