"""Selection of the files of a repository: configurations, tokenizers, and one copy of the weights."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from generation.engine.checkpoints.store.structure import INDEX
from generation.engine.checkpoints.store.weights import PICKLES, WHY_NO_PICKLES, Unusable

# `model.safetensors`, `model.fp16.safetensors`, `model.fp16-00001-of-00002.safetensors`
_WEIGHTS = re.compile(r"(?P<stem>\w+?)(\.(?P<variant>\w+))?(?P<shard>-\d+-of-\d+)?\.safetensors")
# `model.safetensors.index.json`, `model.safetensors.index.fp16.json`
_WEIGHTS_INDEX = re.compile(r"(?P<stem>\w+)\.safetensors\.index(\.(?P<variant>\w+))?\.json")
_ANY_INDEX = re.compile(r".+\.index(\.\w+)?\.json")
_CONFIGURATION = (".json", ".txt", ".model")
_FULL, _HALF = None, "fp16"


@dataclass(frozen=True)
class Choice:
    """A file to have: its path in the checkpoint's folder, and its path in the repository."""

    path: str
    source: str


def parts_of(index: Mapping[str, Any], *, among: Collection[str]) -> list[str]:
    """Return those parts of `among` that a repository's index names."""
    named = {
        name
        for name, value in index.items()
        if isinstance(value, list) and len(value) == 2 and all(value)
    }
    parts = set(among)
    # transformers prepares the depth estimator's input with it.
    if "depth_estimator" in named & parts:
        parts.add("feature_extractor")
    return sorted(named & parts)


def select(names: Iterable[str], *, parts: Collection[str], half: bool) -> list[Choice]:
    """Return the files to have, sorted by path; `half` chooses between weights in both precisions.

    Raises Unusable for a part that has only pickled weights.
    """
    by_part: dict[str, list[str]] = {part: [] for part in parts}
    for name in names:
        folder, _, rest = name.partition("/")
        if folder in by_part and rest and "/" not in rest:
            by_part[folder].append(rest)
    chosen = [Choice(INDEX, INDEX)]
    for part, files in by_part.items():
        for path, source in _select_in_part(part, files, half=half):
            chosen.append(Choice(f"{part}/{path}", f"{part}/{source}"))
    return sorted(chosen, key=lambda choice: choice.path)


def _select_in_part(part: str, names: Sequence[str], *, half: bool) -> Iterator[tuple[str, str]]:
    for name in names:
        if name.endswith(_CONFIGURATION) and not _ANY_INDEX.fullmatch(name):
            yield name, name
    by_variant = _weights_by_variant(names)
    for variant in (_HALF, _FULL) if half else (_FULL, _HALF):
        if variant in by_variant:
            yield from by_variant[variant]
            return
    if any(PurePosixPath(name).suffix in PICKLES for name in names):
        raise Unusable(f"{part} is there as a pickle only. {WHY_NO_PICKLES}")


def _weights_by_variant(names: Sequence[str]) -> dict[str | None, list[tuple[str, str]]]:
    """Group weights by variant; each gets the plain name that diffusers looks for."""
    found: dict[str | None, list[tuple[str, str]]] = {}
    for name in names:
        if match := _WEIGHTS.fullmatch(name):
            path = name if match["shard"] else f"{match['stem']}.safetensors"
        elif match := _WEIGHTS_INDEX.fullmatch(name):
            path = f"{match['stem']}.safetensors.index.json"
        else:
            continue
        found.setdefault(match["variant"], []).append((path, name))
    return found
