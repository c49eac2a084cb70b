"""Files of weights: their choice in a folder, and their headers."""

import json
from pathlib import Path

import pytest

from generation.engine.checkpoints.store import weights
from generation.engine.checkpoints.store.weights import TensorInfo, Unusable

TENSOR = {"dtype": "F16", "shape": [2, 3], "data_offsets": [0, 12]}


def safetensors(path: Path, *, num_bytes: int = 12, **tensors: object) -> Path:
    header = json.dumps({"__metadata__": {"format": "pt"}, **(tensors or {"a": TENSOR})}).encode()
    path.write_bytes(len(header).to_bytes(8, "little") + header + b"\0" * num_bytes)
    return path


def test_a_header_names_types_and_shapes(tmp_path: Path) -> None:
    assert weights.header(safetensors(tmp_path / "a.safetensors")) == {
        "a": TensorInfo("F16", (2, 3))
    }


@pytest.mark.parametrize(
    ("num_bytes", "reason"), [(11, "1 bytes are missing"), (14, "2 bytes are too many")]
)
def test_a_file_of_another_length_is_refused(tmp_path: Path, num_bytes: int, reason: str) -> None:
    with pytest.raises(Unusable, match=reason):
        weights.header(safetensors(tmp_path / "a.safetensors", num_bytes=num_bytes))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x02\0\0",
        (2).to_bytes(8, "little") + b"[]",
        (2).to_bytes(8, "little") + b"{!",
        (2**40).to_bytes(8, "little") + b"{}",
        (200_005).to_bytes(8, "little") + b'{"a":' + b"[" * 200_000,
        (200_006).to_bytes(8, "little") + b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        (57).to_bytes(8, "little") + b'{"a":{"dtype":"F16","shape":["2"],"data_offsets":[0,12]}}',
    ],
    ids=["empty", "cut off", "a list", "no JSON", "a huge header", "deep", "nested", "a text"],
)
def test_anything_else_is_no_safetensors_file(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.safetensors"
    path.write_bytes(content)

    with pytest.raises(Unusable, match="is no safetensors file"):
        weights.header(path)


def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    path = safetensors(tmp_path / "a.safetensors")
    assert set(weights.header(path)) == {"a"}

    safetensors(path, longer_name=TENSOR)

    assert set(weights.header(path)) == {"longer_name"}


def test_full_precision_is_loaded_before_half(tmp_path: Path) -> None:
    half, full = tmp_path / "model.fp16.safetensors", tmp_path / "model.safetensors"
    half.touch()
    assert weights.weight_files(tmp_path) == [half]

    full.touch()
    assert weights.weight_files(tmp_path) == [full]


def test_an_index_names_the_shards(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").touch()
    index = {"weight_map": {"a": "2.safetensors", "b": "1.safetensors", "c": "2.safetensors"}}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index))

    assert weights.weight_files(tmp_path) == [
        tmp_path / "1.safetensors",
        tmp_path / "2.safetensors",
    ]


def test_a_folder_without_weights_has_none(tmp_path: Path) -> None:
    assert weights.weight_files(tmp_path) == []


@pytest.mark.parametrize("index", ["", "[]", "{}", '{"weight_map": 1}', "[" * 100_000])
def test_a_damaged_index_names_no_weights(tmp_path: Path, index: str) -> None:
    (tmp_path / "model.safetensors.index.json").write_text(index)

    with pytest.raises(Unusable, match="names no weights"):
        weights.weight_files(tmp_path)
