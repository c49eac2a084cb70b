"""Estimated lengths of prompts."""

from pathlib import Path

import pytest
from tokenizers import Tokenizer

from generation.engine import sketchbook
from generation.engine.request.prompt_length import MAX_PIECES, PIECE_TOKENS, pieces_in
from generation.engine.request.validation import InvalidRequest, errors_in
from tests.engine.driving import a_request

FOLDER = Path(sketchbook.__file__).parent / "checkpoint" / "tokenizer"
TOKENIZER = Tokenizer.from_file(str(FOLDER / "tokenizer.json"))


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("", 1),
        ("a red house in the snow", 1),
        ("tin robots water orchids on a pier, " * 6, 1),
        ("tin robots water orchids on a pier, " * 12, 2),
        ("水" * 300, 12),
        ("7" * 150, 2),
        ("a BREAK b BREAK", 3),
        ("a" * 3_750, 11),
    ],
)
def test_pieces_are_estimated_by_words_and_letters(text: str, pieces: int) -> None:
    assert pieces_in(text) == pieces


def test_a_negative_prompt_counts_only_with_guidance() -> None:
    long = "水" * 300

    assert a_request(negative_prompt=long, guidance_scale=7.5).prompt_pieces == 12
    assert a_request(negative_prompt=long, guidance_scale=1.0).prompt_pieces == 1


@pytest.mark.parametrize(
    "signs",
    [
        "1234567890",
        "!?.,;",
        "((((",
        "水",
        "日本語テキスト",
        "😀",
        "👨‍👩‍👧",
        "é",
        "ﷺ",
        "½",
        "Ⱥ",
        "\U0001d160",
        "a1!水😀 ",
    ],
)
def test_no_text_is_read_in_many_more_pieces_than_estimated(signs: str) -> None:
    text = (signs * 3_200)[:3_200]

    tokens = len(TOKENIZER.encode(text, add_special_tokens=False).ids)

    assert tokens / PIECE_TOKENS <= 1.2 * pieces_in(text)


@pytest.mark.parametrize("text", ["1234567890" * 3_200, "水" * 32_000, "a BREAK " * 4_000])
@pytest.mark.parametrize("field", ["prompt", "negative_prompt"])
def test_a_prompt_of_too_many_pieces_is_refused_by_name(text: str, field: str) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        a_request(**{field: text})

    assert list(refusal.value.errors) == [field]
    assert f"{MAX_PIECES} are allowed" in refusal.value.errors[field]


def test_ordinary_words_may_be_as_long_as_any_prompt() -> None:
    text = ("a tin robot waters orchids on a pier, " * 1_000)[:32_000]

    assert 100 < a_request(prompt=text).prompt_pieces <= MAX_PIECES
    assert errors_in(a_request(prompt=text)) == {}


@pytest.mark.parametrize(("times", "is_taken"), [(400, True), (1_100, False)])
def test_a_prompt_of_too_many_weights_is_refused_by_name(times: int, is_taken: bool) -> None:
    text = "(a)b" * times

    if is_taken:
        a_request(prompt=text)
    else:
        with pytest.raises(InvalidRequest, match="prompt: Use fewer brackets"):
            a_request(prompt=text)
