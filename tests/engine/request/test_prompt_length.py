"""Estimated lengths of prompts."""

import pytest

from generation.engine.request.prompt_length import pieces_in
from tests.engine.driving import a_request


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("", 1),
        ("a red house in the snow", 1),
        ("tin robots water orchids on a pier, " * 6, 1),
        ("tin robots water orchids on a pier, " * 12, 2),
        ("水" * 300, 8),
        ("a" * 3_750, 11),
    ],
)
def test_pieces_are_estimated_by_words_and_letters(text: str, pieces: int) -> None:
    assert pieces_in(text) == pieces


def test_a_negative_prompt_counts_only_with_guidance() -> None:
    long = "水" * 300

    assert a_request(negative_prompt=long, guidance_scale=7.5).prompt_pieces == 8
    assert a_request(negative_prompt=long, guidance_scale=1.0).prompt_pieces == 1
