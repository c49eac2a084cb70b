"""Parts that the operator brings for a checkpoint: a VAE, and text encoders.

Each is named by a path: a checkpoint's folder, a part's folder in the layout of diffusers, or a single file.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from generation.engine import strict_json
from generation.engine.checkpoints.store import file_forms, inspection, weights
from generation.engine.checkpoints.store.inferred_configs import VAE_SCALES
from generation.engine.checkpoints.store.inspection import VAES, Contents, Encoder, Layout, Tensors
from generation.engine.checkpoints.store.structure import INDEX
from generation.engine.checkpoints.store.weights import Unusable
from generation.engine.enums import Family

CONFIG = "config.json"
# The second text encoder of SDXL and SD3 is as wide as this or wider, the first is not.
_WIDE = 1024
_VAE_CLASSES = ("AutoencoderKL", "AutoencoderTiny")
_ENCODER_PREFIXES = (
    "",
    "text_encoder.",
    "transformer.",
    "clip_l.transformer.",
    "clip_g.transformer.",
)
_SIGNS: Mapping[Layout, tuple[str, ...]] = {
    Layout.T5: ("encoder.block.0.",),
    Layout.OPEN_CLIP: ("transformer.resblocks.0.", "resblocks.0."),
    Layout.CLIP: ("text_model.encoder.layers.0.", "encoder.layers.0."),
}
_WIDTHS = (
    "text_model.embeddings.token_embedding.weight",
    "embeddings.token_embedding.weight",
    "token_embedding.weight",
)


@dataclass(frozen=True, kw_only=True)
class FolderPart:
    """A part in the layout of diffusers. A text encoder has the folder of its tokenizer with it."""

    folder: Path
    tokenizer: Path | None = None


@dataclass(frozen=True, kw_only=True)
class FilePart:
    """A part in a single file: `contents` has the encoder alone, or the prefix of the VAE."""

    path: Path
    contents: Contents


Part = FolderPart | FilePart


def find(*, vae: Path | None, text_encoders: Iterable[Path], family: Family) -> dict[str, Part]:
    """Return what the operator brings, by the parts' names in a folder. Raises Unusable."""
    found: dict[str, Part] = {}
    for path in text_encoders:
        brought = _encoders(path, family, found)
        found |= brought
    if vae is not None:
        found["vae"] = _vae(vae, family)
    return found


def doubt_about(brought: Mapping[str, Part], family: Family) -> str:
    """Return what speaks against a VAE that can be read; empty if nothing does."""
    vae = brought.get("vae")
    if not isinstance(vae, FolderPart):
        return ""
    config = strict_json.read_object(vae.folder / CONFIG)
    has, usual = config.get("scaling_factor"), VAE_SCALES[family]["scaling_factor"]
    if config.get("_class_name") != "AutoencoderKL" or has == usual:
        return ""
    return (
        f"The VAE's scaling_factor is {has}, and {usual} is usual for {family}: unless it was made for {family}, "
        "pictures will be wrong."
    )


def _vae(given: Path, family: Family) -> Part:
    _require_there(given)
    if given.is_dir():
        folder = given / "vae" if (given / INDEX).is_file() else given
        name = _class_of(folder)
        if name not in _VAE_CLASSES:
            raise Unusable(
                f"{folder} has {name or 'nothing'}, no VAE: --vae wants an AutoencoderKL."
            )
        return FolderPart(folder=folder)
    tensors = _tensors(given)
    for prefix in (*VAES, ""):
        if f"{prefix}decoder.conv_in.weight" not in tensors:
            continue
        if f"{prefix}decoder.mid_block.resnets.0.conv1.weight" in tensors:
            if _class_of(given.parent) in _VAE_CLASSES:
                return FolderPart(folder=given.parent)
            raise Unusable(f"{given} is a part of a folder: name the folder that has its {CONFIG}.")
        contents = Contents(family=family, tensors=tensors, vae=prefix, encoders=())
        return FilePart(path=given, contents=contents)
    raise Unusable(f"{given} has no VAE.")


def _encoders(given: Path, family: Family, taken: Mapping[str, Part]) -> dict[str, Part]:
    _require_there(given)
    if given.is_dir():
        return _encoders_in_folder(given)
    tensors = _tensors(given)
    encoders = inspection.encoders_in(tensors, family) or _single(given, tensors, family, taken)
    return {
        encoder.part: FilePart(
            path=given,
            contents=Contents(family=family, tensors=tensors, vae=None, encoders=(encoder,)),
        )
        for encoder in encoders
    }


def _encoders_in_folder(given: Path) -> dict[str, Part]:
    # A part's own folder lies in its checkpoint's, beside its tokenizer.
    root, pattern = (given, "text_encoder*")
    if not (given / INDEX).is_file() and (given.parent / INDEX).is_file():
        root, pattern = given.parent, given.name
    found: dict[str, Part] = {}
    for folder in sorted(root.glob(pattern)):
        tokenizer = root / folder.name.replace("text_encoder", "tokenizer")
        if folder.name.startswith("text_encoder") and tokenizer.is_dir():
            found[folder.name] = FolderPart(folder=folder, tokenizer=tokenizer)
    if not found:
        raise Unusable(
            f"{given} has no text encoder with its tokenizer. --text-encoder wants a checkpoint's id, its folder, "
            "or a .safetensors file of a text encoder."
        )
    return found


def _single(
    given: Path, tensors: Tensors, family: Family, taken: Mapping[str, Part]
) -> tuple[Encoder, ...]:
    """Return the encoder of a file that has nothing else. Raises Unusable."""
    for other in Family:
        if inspection.encoders_in(tensors, other):
            raise Unusable(
                f"{given} has the text encoders of {other}, and the checkpoint is {family}."
            )
    for prefix in _ENCODER_PREFIXES:
        for layout, signs in _SIGNS.items():
            if any(name.startswith(tuple(prefix + sign for sign in signs)) for name in tensors):
                part = _part(layout, _width(tensors, prefix), family, taken)
                _require_fits(given, layout, family)
                return (Encoder(part, layout, prefix),)
    raise Unusable(f"{given} has no text encoder.")


def _require_fits(given: Path, layout: Layout, family: Family) -> None:
    if layout is Layout.T5 and family is not Family.SD3:
        raise Unusable(f"{given} is T5, which {family} does not use.")
    if layout is Layout.OPEN_CLIP and family is Family.SD1:
        raise Unusable(f"{given} is a text encoder of OpenCLIP. {family} uses OpenAI's CLIP.")


def _part(layout: Layout, width: int, family: Family, taken: Mapping[str, Part]) -> str:
    if layout is Layout.T5:
        return "text_encoder_3"
    if family not in (Family.SDXL, Family.SD3):
        return "text_encoder"
    is_second = layout is Layout.OPEN_CLIP or width >= _WIDE or "text_encoder" in taken
    return "text_encoder_2" if is_second else "text_encoder"


def _width(tensors: Tensors, prefix: str) -> int:
    found = (tensors[prefix + name].shape[-1] for name in _WIDTHS if prefix + name in tensors)
    return next(found, 0)


def _tensors(path: Path) -> Tensors:
    if reason := file_forms.reason_by_name(path):
        raise Unusable(reason)
    return weights.header(path)


def _class_of(folder: Path) -> str:
    try:
        return str(strict_json.read_object(folder / CONFIG).get("_class_name", ""))
    except (OSError, ValueError):
        return ""


def _require_there(path: Path) -> None:
    if not path.exists():
        raise Unusable(f"There is no {path}.")
