"""Files of weights and their headers."""

import operator
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from generation.engine import strict_json
from generation.engine.checkpoints.store import file_forms

_LARGEST_HEADER = 100 * 2**20


class Unusable(Exception):
    """The weights or the checkpoint cannot be used; the message tells the operator why."""


class TensorInfo(NamedTuple):
    """A tensor's entry in a header."""

    dtype: str
    shape: tuple[int, ...]


class _Header(NamedTuple):
    tensors: Mapping[str, TensorInfo]
    metadata: Mapping[str, str]


def weight_files(folder: Path) -> list[Path]:
    """Return a part's weight files: one file, or the shards that its index names.

    A copy in half precision is returned only if it is the only one. Raises Unusable for a damaged index.
    """
    for index in sorted(folder.glob("*.safetensors.index.json")):
        return [folder / shard for shard in _shards_in(index)]
    files = sorted(folder.glob("*.safetensors"), key=lambda path: ("fp16" in path.name, path.name))
    return files[:1]


def header(path: Path) -> Mapping[str, TensorInfo]:
    """Return the tensors of a safetensors file by name.

    Raises Unusable for other and truncated files.
    """
    return _header_now(path).tensors


def metadata(path: Path) -> Mapping[str, str]:
    """Return the texts in the header of a safetensors file. Raises Unusable as `header` does."""
    return _header_now(path).metadata


def _header_now(path: Path) -> _Header:
    status = path.stat()
    return _header(path, status.st_size, status.st_mtime_ns)


def _shards_in(index: Path) -> list[str]:
    try:
        return sorted(set(strict_json.read(index)["weight_map"].values()))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise Unusable(f"{index} names no weights.") from error


# Keyed by size and time of change, so that a page can call `header` every time.
@lru_cache(maxsize=256)
def _header(path: Path, size: int, mtime_ns: int) -> _Header:
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if not 2 <= length <= min(_LARGEST_HEADER, size):
            raise Unusable(
                file_forms.reason_by_content(path)
                or f"{path} is no safetensors file, or is cut off in its header."
            )
        try:
            content: dict[str, Any] = strict_json.loads(file.read(length), is_stored=False)
            texts = content.pop("__metadata__", None) or {}
            end = max((tensor["data_offsets"][1] for tensor in content.values()), default=0)
            found = {
                name: TensorInfo(tensor["dtype"], tuple(map(operator.index, tensor["shape"])))
                for name, tensor in content.items()
            }
            texts = {name: text for name, text in texts.items() if isinstance(text, str)}
        except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
            raise Unusable(f"{path} is no safetensors file, or its header is damaged.") from error
    if size != 8 + length + end:
        missing = 8 + length + end - size
        if missing > 0:
            raise Unusable(f"{path} is not whole: {missing} bytes are missing. Download it again.")
        raise Unusable(f"{path} is not whole: {-missing} bytes are too many.")
    return _Header(found, texts)
