"""Import of a single file, with parts that the operator brings."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from generation.engine.checkpoints.store import (
    brought_parts,
    file_forms,
    folder_import,
    inferred_configs,
    inspection,
    text_encoder_configs,
    tokenizers,
    weights,
)
from generation.engine.checkpoints.store.brought_parts import FilePart, FolderPart, Part
from generation.engine.checkpoints.store.inspection import Contents, Encoder
from generation.engine.checkpoints.store.weights import Unusable
from generation.engine.enums import Family

Say = Callable[[str], object]

_BRING = "an installed checkpoint's id, a folder, or a .safetensors file"
_WITHOUT_T5 = "It works without T5, its third text encoder, which helps with long prompts and with words in pictures. "
_T5_HERE = (
    "The file has T5's weights, but a file has no vocabulary, and none of T5's is here. To use it, remove this "
    "checkpoint and add it again with --vocabulary PATH: a checkpoint of version 3, or a folder that has T5's "
    "spiece.model or tokenizer.json."
)
_T5_MISSING = (
    "To use it, remove this checkpoint and add it again with --text-encoder PATH, a file of T5, and --vocabulary "
    "PATH, a folder that has T5's spiece.model or tokenizer.json."
)


@dataclass(frozen=True, kw_only=True)
class Vocabularies:
    """The places for vocabularies: the folder that the operator named, else installed checkpoints."""

    given: Path | None
    root: Path

    def clip(self, contents: Contents) -> tokenizers.ClipVocabulary:
        """Return CLIP's for the contents' encoders. Raises Unusable."""
        size = text_encoder_configs.vocabulary_size(contents)
        return tokenizers.find_clip(self.given, self.root, size=size)

    def t5(self) -> Path | None:
        """Return a folder with T5's, or None."""
        return tokenizers.find_t5(self.given, self.root)


def take(
    path: Path,
    folder: Path,
    *,
    family: Family | None,
    prediction: str | None,
    vae: Path | None,
    text_encoders: tuple[Path, ...],
    vocabularies: Vocabularies,
    say: Say,
) -> None:
    """Write the file's parts and those brought into an empty folder. Raises Unusable."""
    _require_weights(path)
    metadata = weights.metadata(path)
    contents = inspection.contents_of(weights.header(path), metadata, family=family)
    brought = brought_parts.find(vae=vae, text_encoders=text_encoders, family=contents.family)
    _require_whole(contents, brought)
    if doubt := brought_parts.doubt_about(brought, contents.family):
        say(doubt)
    prediction = inferred_configs.prediction_of(contents, prediction, metadata)
    encoders = {encoder.part: _only(path, contents, encoder) for encoder in contents.encoders}
    written = write_parts({**encoders, **brought}, folder, vocabularies)

    from generation.engine.checkpoints.store import conversion  # noqa: PLC0415  # slow import: torch

    if "vae" not in brought:
        conversion.write_vae(path, contents, folder)
    conversion.write_denoiser(path, contents, folder, prediction=prediction)
    conversion.write_index(contents, written - {"vae"}, folder)
    if contents.family is Family.SD3 and "text_encoder_3" not in written:
        has_t5 = "text_encoder_3" in encoders or "text_encoder_3" in brought
        say(_WITHOUT_T5 + (_T5_HERE if has_t5 else _T5_MISSING))


def write_parts(
    parts: Mapping[str, Part], folder: Path, vocabularies: Vocabularies
) -> frozenset[str]:
    """Write the parts; return the names of those written. T5 without a vocabulary is left out.

    Raises Unusable.
    """
    return frozenset(
        name for name, part in parts.items() if _write(name, part, folder, vocabularies)
    )


def _write(name: str, part: Part, folder: Path, vocabularies: Vocabularies) -> bool:
    if isinstance(part, FolderPart):
        folder_import.copy_part(part.folder, folder / name)
        if part.tokenizer is not None:
            tokenizer = folder / name.replace("text_encoder", "tokenizer")
            folder_import.copy_part(part.tokenizer, tokenizer)
        return True
    contents = part.contents
    t5 = vocabularies.t5() if name == "text_encoder_3" else None
    if name == "text_encoder_3" and t5 is None:
        return False
    # Found before the slow import, since it may be missing.
    clip = vocabularies.clip(contents) if name in ("text_encoder", "text_encoder_2") else None

    from generation.engine.checkpoints.store import conversion  # noqa: PLC0415  # slow import: torch

    if t5 is not None:
        conversion.write_t5_encoder(
            part.path, contents, contents.encoders[0], folder, vocabulary=t5
        )
    elif clip is not None:
        conversion.write_clip_encoder(
            part.path, contents, contents.encoders[0], folder, vocabulary=clip
        )
    else:
        conversion.write_vae(part.path, contents, folder)
    return True


def _only(path: Path, contents: Contents, encoder: Encoder) -> FilePart:
    only = Contents(
        family=contents.family, tensors=contents.tensors, vae=contents.vae, encoders=(encoder,)
    )
    return FilePart(path=path, contents=only)


def _require_weights(path: Path) -> None:
    if reason := file_forms.reason_by_name(path):
        raise Unusable(reason)
    if not file_forms.is_safetensors(path):
        raise Unusable(f"{path} is neither a folder nor a .safetensors file.")


def _require_whole(contents: Contents, brought: Mapping[str, Part]) -> None:
    """Raises Unusable, with what to do, if the file and what is brought make no checkpoint."""
    missing = [part for part in contents.missing if part not in brought]
    if not missing:
        return
    names = " and no ".join("VAE" if part == "vae" else part for part in missing)
    options = []
    if "vae" in missing:
        options.append("--vae PATH")
    if missing != ["vae"]:
        options.append("--text-encoder PATH" + (" for each" if len(missing) > 2 else ""))
    raise Unusable(
        f"The file has no {names}: it is a part of a checkpoint of {contents.family}. Use the file that is whole, "
        f"or bring what is missing: {' '.join(options)}. PATH is {_BRING}."
    )
