"""Vocabularies for the text encoders of single files, which include none."""

import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from generation.engine import strict_json
from generation.engine.checkpoints.store.files import write_json
from generation.engine.checkpoints.store.structure import INDEX
from generation.engine.checkpoints.store.weights import Unusable

START, END = "<|startoftext|>", "<|endoftext|>"
# OpenCLIP pads short prompts with it.
FILLER = "!"
# A tokenizer's folder has one of these sets; the first complete one is used.
_CLIP_FILES = (("vocab.json", "merges.txt"), ("tokenizer.json",))
_T5_FILES = (("spiece.model",), ("tokenizer.json",))


@dataclass(frozen=True)
class ClipVocabulary:
    """A folder with CLIP's vocabulary; all encoders of Stable Diffusion share it."""

    folder: Path

    def ids(self, *, filler: str) -> dict[str, int]:
        """Return the ids of the special tokens, by their names in a configuration. Raises Unusable."""
        words = self.words
        try:
            return {
                "bos_token_id": words[START],
                "eos_token_id": words[END],
                "pad_token_id": words[filler if filler in words else END],
            }
        except KeyError as error:
            raise Unusable(
                f"{self.folder} has no vocabulary of CLIP: {error} is missing."
            ) from None

    def write(self, folder: Path, *, length: int, filler: str) -> None:
        """Write a tokenizer that pads short prompts to `length` tokens with `filler`."""
        folder.mkdir(parents=True)
        for name in _files(self.folder, _CLIP_FILES):
            shutil.copyfile(self.folder / name, folder / name)
        write_json(
            folder / "tokenizer_config.json",
            {
                "tokenizer_class": "CLIPTokenizer",
                "model_max_length": length,
                "bos_token": START,
                "eos_token": END,
                "unk_token": END,
                "pad_token": filler if filler in self.words else END,
            },
        )

    @property
    def size(self) -> int:
        """The number of tokens; 0 for an unreadable file."""
        try:
            return len(self.words)
        except (OSError, AttributeError, KeyError, TypeError, ValueError):
            return 0

    @property
    def words(self) -> dict[str, int]:
        """Token ids by token."""
        if (self.folder / "vocab.json").is_file():
            listed: dict[str, int] = strict_json.read(self.folder / "vocab.json")
            return listed
        content: dict[str, Any] = strict_json.read(self.folder / "tokenizer.json")
        added = {each["content"]: each["id"] for each in content.get("added_tokens", [])}
        return {**content["model"]["vocab"], **added}


def find_clip(given: Path | None, root: Path, *, size: int) -> ClipVocabulary:
    """Return a vocabulary of this size, from the given folder or else an installed checkpoint.

    Raises Unusable.
    """
    candidates = _tokenizers(given) if given is not None else _installed(root, "tokenizer*")
    for folder in candidates:
        if _is_clip(folder):
            vocabulary = ClipVocabulary(folder)
            if vocabulary.size == size:
                return vocabulary
    if given is not None:
        raise Unusable(f"{given} has no vocabulary of CLIP with {size:,} words.")
    raise Unusable(
        "A single file does not include the vocabulary of its text encoder, and no checkpoint is "
        f"installed that has one of {size:,} words. Fetch one, sd-1.5 say, or name a folder that has "
        "it: --vocabulary PATH."
    )


def find_t5(given: Path | None, root: Path) -> Path | None:
    """Return a folder with T5's vocabulary, or None."""
    candidates = [*_tokenizers(given)] if given is not None else []
    candidates += _installed(root, "tokenizer_3")
    for folder in candidates:
        if _is_t5(folder):
            return folder
    return None


def write_t5(source: Path, folder: Path) -> None:
    """Copy the tokenizer in `source`."""
    folder.mkdir(parents=True)
    for name in (*_files(source, _T5_FILES), "tokenizer_config.json", "special_tokens_map.json"):
        if (source / name).is_file():
            shutil.copyfile(source / name, folder / name)


def _is_clip(folder: Path) -> bool:
    if (folder / "vocab.json").is_file():
        return (folder / "merges.txt").is_file()
    return _model_of(folder) == "BPE"


def _is_t5(folder: Path) -> bool:
    return (folder / "spiece.model").is_file() or _model_of(folder) == "Unigram"


def _model_of(folder: Path) -> str:
    """Return the model type in a `tokenizer.json`, or an empty string."""
    try:
        content = strict_json.read(folder / "tokenizer.json")
        return str(content["model"]["type"])
    except (OSError, KeyError, TypeError, ValueError):
        return ""


def _files(folder: Path, sets: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    for names in sets:
        if all((folder / name).is_file() for name in names):
            return names
    return ()


def _tokenizers(given: Path) -> Iterator[Path]:
    """Yield a checkpoint's tokenizer folders; any other path is one itself."""
    if (given / INDEX).is_file():
        yield from sorted(given.glob("tokenizer*"))
    else:
        yield given


def _installed(root: Path, pattern: str) -> Iterator[Path]:
    for index in sorted(root.glob(f"*/{INDEX}")):
        yield from sorted(index.parent.glob(pattern))
