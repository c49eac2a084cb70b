"""Token counts equal those of transformers' tokenizer, which web processes do not load."""

import json
import shutil

import pytest

from generation.engine.checkpoints import catalogue
from generation.engine.sketchbook.tokenizer import MAX_LENGTH
from generation.studio import token_count

SKETCHBOOK = catalogue.get("sketchbook")


@pytest.mark.parametrize(
    "prompt", ["", "a red house", "夜晚，雪地里", "x" * 200, "Ünknøwn wörds 🦄"]
)
def test_the_count_is_the_models_own(prompt):
    from transformers import CLIPTokenizer  # noqa: PLC0415  # slow import: transformers

    folder = catalogue.folder(SKETCHBOOK, None)
    own = CLIPTokenizer.from_pretrained(folder, subfolder="tokenizer")

    counted = token_count.count(SKETCHBOOK, prompt)

    assert counted.tokens == len(own(prompt, add_special_tokens=False).input_ids)
    assert counted.limit == MAX_LENGTH - token_count.FRAME


def test_signs_that_weigh_words_are_not_counted():
    assert token_count.count(SKETCHBOOK, "a (red:1.4) house") == token_count.count(
        SKETCHBOOK, "a red house"
    )


def test_a_long_prompt_is_read_in_pieces():
    counted = token_count.count(SKETCHBOOK, "a red house " * 40)

    assert counted.pieces == -(-counted.tokens // counted.limit) > 1


def test_older_checkpoints_have_their_vocabulary_in_parts(settings, tmp_path):
    settings.CHECKPOINTS_DIR = tmp_path
    folder = tmp_path / "sd-1.5" / "tokenizer"
    folder.mkdir(parents=True)
    source = catalogue.folder(SKETCHBOOK, None) / "tokenizer"
    for name in ("vocab.json", "merges.txt"):
        (folder / name).write_bytes((source / name).read_bytes())
    (folder / "tokenizer_config.json").write_text(json.dumps({"model_max_length": 77}))

    counted = token_count.count(catalogue.get("sd-1.5"), "A red  house by the sea, at night")

    assert counted.limit == 75
    assert (
        counted.tokens == token_count.count(SKETCHBOOK, "A red  house by the sea, at night").tokens
    )


def test_a_checkpoint_that_is_not_here_cannot_count(settings, tmp_path):
    settings.CHECKPOINTS_DIR = tmp_path

    assert token_count.count(catalogue.get("sd-2.1"), "a house") is None


def test_a_replaced_vocabulary_is_read_again(settings, tmp_path):
    settings.CHECKPOINTS_DIR = tmp_path
    checkpoint = catalogue.get("sd-1.5")
    folder = tmp_path / "sd-1.5" / "tokenizer"
    shutil.copytree(catalogue.folder(SKETCHBOOK, None) / "tokenizer", folder)
    before = token_count.count(checkpoint, "a red house")

    config = json.loads((folder / "tokenizer_config.json").read_text())
    (folder / "tokenizer_config.json").write_text(json.dumps({**config, "model_max_length": 1_000}))

    assert token_count.count(checkpoint, "a red house").limit == 1_000 - token_count.FRAME
    assert before.limit != 1_000 - token_count.FRAME
