"""Prompt weights in AUTOMATIC1111's syntax."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generation.engine.request import prompt_weights


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("a red house", [("a red house", 1.0)]),
        ("", [("", 1.0)]),
        ("a (red) house", [("a ", 1.0), ("red", 1.1), (" house", 1.0)]),
        ("a ((red)) house", [("a ", 1.0), ("red", 1.21), (" house", 1.0)]),
        ("a [red] house", [("a ", 1.0), ("red", 1 / 1.1), (" house", 1.0)]),
        ("a (red:1.4) house", [("a ", 1.0), ("red", 1.4), (" house", 1.0)]),
        ("a (red: 0.5 ) house", [("a ", 1.0), ("red", 0.5), (" house", 1.0)]),
        ("(a (red:2) house:0.5)", [("a ", 0.5), ("red", 1.0), (" house", 0.5)]),
        (r"a \(red\) house", [("a (red) house", 1.0)]),
        ("time: night", [("time: night", 1.0)]),
        ("a (red house", [("a ", 1.0), ("red house", 1.1)]),
        ("a red) house]", [("a red) house]", 1.0)]),
        ("(a:b)", [("a:b", 1.1)]),
        ("夜晚，(红色:1.3)的房子", [("夜晚，", 1.0), ("红色", 1.3), ("的房子", 1.0)]),
    ],
)
def test_a_prompt_is_read(prompt, expected):
    found = [
        (fragment.text, pytest.approx(fragment.weight)) for fragment in prompt_weights.parse(prompt)
    ]

    assert expected == found


@given(st.text(alphabet="ab ,:()[]\\.1", max_size=60))
def test_any_text_is_read_and_no_word_is_lost(prompt):
    fragments = prompt_weights.parse(prompt)

    assert fragments
    assert all(fragment.weight > 0 or fragment.weight <= 0 for fragment in fragments)
    kept = "".join(fragment.text for fragment in fragments)
    assert [each for each in kept if each in "ab"] == [each for each in prompt if each in "ab"]


def test_plain_text_has_no_signs_left():
    assert prompt_weights.plain("a (red:1.4) [house] \\(x\\)") == "a red house (x)"
