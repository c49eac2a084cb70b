"""Vocabularies for the text encoders of single files."""

import json
from pathlib import Path
from typing import Any

import pytest

from generation.engine.checkpoints.store import tokenizers
from generation.engine.checkpoints.store.structure import INDEX
from generation.engine.checkpoints.store.tokenizers import END, FILLER, START, ClipVocabulary
from generation.engine.checkpoints.store.weights import Unusable

WORDS = {FILLER: 0, "a</w>": 1, START: 2, END: 3}


def a_clip(folder: Path, words: dict[str, int] = WORDS) -> Path:
    folder.mkdir(parents=True)
    (folder / "vocab.json").write_text(json.dumps(words))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    return folder


def in_one_file(folder: Path, **content: Any) -> Path:
    folder.mkdir(parents=True)
    (folder / "tokenizer.json").write_text(json.dumps(content))
    return folder


def installed(root: Path, id: str) -> Path:
    (root / id).mkdir(parents=True)
    (root / id / INDEX).write_text("{}")
    return root / id


def test_special_tokens_have_the_vocabularys_ids(tmp_path: Path) -> None:
    vocabulary = ClipVocabulary(a_clip(tmp_path / "clip"))

    assert vocabulary.ids(filler=FILLER) == {
        "bos_token_id": 2,
        "eos_token_id": 3,
        "pad_token_id": 0,
    }
    assert vocabulary.ids(filler="absent")["pad_token_id"] == 3


def test_a_vocabulary_without_special_tokens_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Unusable, match="no vocabulary of CLIP"):
        ClipVocabulary(a_clip(tmp_path / "clip", {"a": 0})).ids(filler=END)


def test_a_tokenizer_in_one_file_has_its_added_tokens_too(tmp_path: Path) -> None:
    folder = in_one_file(
        tmp_path / "clip",
        model={"type": "BPE", "vocab": {"a": 0}},
        added_tokens=[{"content": START, "id": 1}],
    )

    assert ClipVocabulary(folder).words == {"a": 0, START: 1}


def test_a_written_tokenizer_pads_as_its_encoder_was_trained(tmp_path: Path) -> None:
    vocabulary = ClipVocabulary(a_clip(tmp_path / "clip"))

    vocabulary.write(tmp_path / "new", length=77, filler=FILLER)

    config = json.loads((tmp_path / "new" / "tokenizer_config.json").read_text())
    assert (config["pad_token"], config["model_max_length"]) == (FILLER, 77)
    assert (tmp_path / "new" / "merges.txt").is_file()


def test_an_installed_checkpoint_with_the_right_size_lends_its_vocabulary(tmp_path: Path) -> None:
    a_clip(installed(tmp_path, "a") / "tokenizer", {"too": 0, "small": 1})
    fitting = a_clip(installed(tmp_path, "b") / "tokenizer_2")

    assert tokenizers.find_clip(None, tmp_path, size=4).folder == fitting


def test_no_vocabulary_of_the_size_is_an_error_with_a_remedy(tmp_path: Path) -> None:
    with pytest.raises(Unusable, match="--vocabulary PATH"):
        tokenizers.find_clip(None, tmp_path, size=4)


def test_a_given_folder_is_the_only_one_that_is_searched(tmp_path: Path) -> None:
    a_clip(installed(tmp_path, "a") / "tokenizer")
    given = a_clip(tmp_path / "given", {"too": 0, "small": 1})

    with pytest.raises(Unusable, match="no vocabulary of CLIP with 4 words"):
        tokenizers.find_clip(given, tmp_path, size=4)


def test_t5_is_found_by_its_kind_of_model(tmp_path: Path) -> None:
    checkpoint = installed(tmp_path, "a")
    in_one_file(checkpoint / "tokenizer", model={"type": "BPE"})
    assert tokenizers.find_t5(None, tmp_path) is None

    t5 = in_one_file(checkpoint / "tokenizer_3", model={"type": "Unigram"})
    assert tokenizers.find_t5(None, tmp_path) == t5
    assert tokenizers.find_t5(checkpoint, tmp_path / "nowhere") == t5
