"""Selection of the files of a repository: configurations, tokenizers, and one copy of the weights."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from generation.engine.checkpoints.store.file_forms import PICKLES, WHY_NO_PICKLES
from generation.engine.checkpoints.store.structure import INDEX
from generation.engine.checkpoints.store.weights import Unusable

# `model.safetensors`, `model.fp16.safetensors`, `model.fp16-00001-of-00002.safetensors`, and as it once was,
# `model-00001-of-00002.fp16.safetensors`
_WEIGHTS = re.compile(
    r"(?P<stem>\w+?)(\.(?P<variant>\w+))?(?P<shard>-\d+-of-\d+)?(\.(?P<last>\w+))?\.safetensors"
)
# `model.safetensors.index.json`, `model.safetensors.index.fp16.json`
_WEIGHTS_INDEX = re.compile(r"(?P<stem>\w+)\.safetensors\.index(\.(?P<variant>\w+))?\.json")
_ANY_INDEX = re.compile(r".+\.index(\.\w+)?\.json")
_CONFIGURATION = (".json", ".txt", ".model")
_FULL, _HALF, _WITHOUT_EMA = None, "fp16", "non_ema"


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
        for path, source in select_in_part(part, files, half=half):
            chosen.append(Choice(f"{part}/{path}", f"{part}/{source}"))
    return sorted(chosen, key=lambda choice: choice.path)


def select_in_part(
    part: str, names: Sequence[str], *, half: bool = False
) -> Iterator[tuple[str, str]]:
    """Yield each file to have of a part's folder: its plain name, and its name there.

    Raises Unusable for a part that has only pickled weights.
    """
    for name in names:
        if name.endswith(_CONFIGURATION) and not _ANY_INDEX.fullmatch(name):
            yield name, name
    by_variant = _weights_by_variant(names)
    for variant in sorted(by_variant, key=lambda each: _rank(each, half=half)):
        yield from by_variant[variant]
        return
    if any(PurePosixPath(name).suffix in PICKLES for name in names):
        raise Unusable(
            f"{part} is there as a pickle only. {WHY_NO_PICKLES} Look for a copy of the folder with safetensors."
        )


def _rank(variant: str | None, *, half: bool) -> tuple[int, str]:
    """Return the sort key of a variant: training's own weights come last, unknown ones before."""
    order = (_HALF, "bf16", _FULL) if half else (_FULL, _HALF, "bf16")
    if variant in order:
        return order.index(variant), ""
    return len(order) + (variant == _WITHOUT_EMA), str(variant)


def _weights_by_variant(names: Sequence[str]) -> dict[str | None, list[tuple[str, str]]]:
    """Group weights by variant; each gets the plain name that diffusers looks for."""
    found: dict[str | None, list[tuple[str, str]]] = {}
    for name in names:
        variant = None
        if match := _WEIGHTS.fullmatch(name):
            variant = match["variant"] or match["last"]
            path = name if match["shard"] else f"{match['stem']}.safetensors"
        elif match := _WEIGHTS_INDEX.fullmatch(name):
            variant = match["variant"]
            path = f"{match['stem']}.safetensors.index.json"
        else:
            continue
        found.setdefault(variant, []).append((path, name))
    return found
