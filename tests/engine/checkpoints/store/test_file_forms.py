"""Files that are no safetensors are named by their names and first bytes."""

from pathlib import Path

import pytest

from generation.engine.checkpoints.store import file_forms, importing, weights
from generation.engine.checkpoints.store.importing import ImportOptions
from generation.engine.checkpoints.store.weights import Unusable

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 4265380512\n"
CONTENTS = [
    (POINTER, r"pointer of Git LFS.*git lfs pull"),
    (b"/annex/objects/SHA256E-s4265380512--4d7a.safetensors\n", "git annex get"),
    (b"GGUF\x03\x00\x00\x00\x00\x00\x00\x00", "GGUF file.*quantized"),
    (b"PK\x03\x04" + bytes(60), r"pickle.*\.safetensors, too"),
    (b"\x80\x02}q\x00." + bytes(20), r"pickle.*\.safetensors, too"),
    (b"\xef\xbb\xbf<!DOCTYPE html>\n<html>", "web page.*Download it again"),
    (b"\n  <html><body>", "web page"),
    (b'{"error": "Unauthorized"}', "JSON"),
    (b"Rar!\x1a\x07\x01\x00" + bytes(8), "archive.*unpack it"),
    (b"", "it is empty"),
]
NAMES = [
    ("model.ckpt", "is a pickle"),
    ("MODEL.PT", "is a pickle"),
    ("pytorch_model.bin", "is a pickle"),
    ("model-Q4_0.gguf", "GGUF file"),
    ("model.GGUF", "GGUF file"),
    ("model.onnx", "compiled for another program"),
    ("model.msgpack", "for Flax"),
    ("model.zip", "unpack it first"),
    ("model.safetensors.crdownload", "not ended"),
]


@pytest.mark.parametrize(("content", "words"), CONTENTS)
def test_what_lies_under_the_name_of_weights_is_named(
    tmp_path: Path, content: bytes, words: str
) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(content)

    with pytest.raises(Unusable, match=words):
        weights.header(path)


@pytest.mark.parametrize(("name", "words"), NAMES)
def test_a_name_tells_what_is_not_read(tmp_path: Path, name: str, words: str) -> None:
    (tmp_path / name).write_bytes(b"content")

    with pytest.raises(Unusable, match=words):
        importing.add(tmp_path / name, ImportOptions(id="x"), root=tmp_path / "store")

    assert not list((tmp_path / "store").glob("*/*"))


@pytest.mark.parametrize("name", ["Model.SAFETENSORS", "model.Safetensors", "model.sft"])
def test_a_name_of_weights_is_one_in_any_case(name: str) -> None:
    assert file_forms.is_safetensors(Path(name))


@pytest.mark.parametrize("name", ["模型 最终.safetensors", "модель.safetensors", "---.safetensors"])
def test_a_name_without_a_latin_letter_asks_for_an_id(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(POINTER)

    with pytest.raises(Unusable, match="choose one with --id"):
        importing.add(tmp_path / name, ImportOptions(), root=tmp_path / "store")


def test_letters_lose_their_accents_in_an_id(tmp_path: Path) -> None:
    (tmp_path / "Déjà Vu.safetensors").write_bytes(b"")

    assert importing._id_from(tmp_path / "Déjà Vu.safetensors") == "deja-vu"


def test_a_header_that_is_nested_deep_is_refused(tmp_path: Path) -> None:
    header = b"[" * 20_000
    path = tmp_path / "deep.safetensors"
    path.write_bytes(len(header).to_bytes(8, "little") + header)

    with pytest.raises(Unusable, match="header is damaged"):
        importing.add(path, ImportOptions(), root=tmp_path / "store")
