"""Prompts that change with the steps, in AUTOMATIC1111's syntax."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generation.engine.request import MAX_PROMPT_LENGTH, prompt_schedule
from generation.engine.request.limits import MAX_STEPS
from generation.engine.request.prompt_length import MAX_PIECES
from tests.engine.driving import a_request
from tests.engine.request.test_request import errors_of


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("a house", ["a house"] * 4),
        ("a [red] house", ["a [red] house"] * 4),
        ("a [red:blue:0.5] house", ["a red house"] * 2 + ["a blue house"] * 2),
        ("a [red:blue:1] house", ["a red house"] + ["a blue house"] * 3),
        ("a [red:blue:1.0] house", ["a red house"] * 4),
        ("a [red:blue:9] house", ["a red house"] * 4),
        ("a [red:blue:0] house", ["a blue house"] * 4),
        ("a[ red:2] house", ["a house"] * 2 + ["a red house"] * 2),
        ("a [red::2]house", ["a red" + "house"] * 2 + ["a house"] * 2),
        ("[cat|dog]", ["cat", "dog", "cat", "dog"]),
        ("[cat|dog|]", ["cat", "dog", "", "cat"]),
        ("a [(red:1.4):blue:.25]", ["a (red:1.4)"] + ["a blue"] * 3),
        ("[a:[b|c]:1]", ["a", "c", "b", "c"]),
        ("[a:b:c:0.5]", ["[a:b:c:0.5]"] * 4),
        ("[a:b]", ["[a:b]"] * 4),
        ("a:b|c", ["a:b|c"] * 4),
        ("[a:b:2", ["[a:b:2"] * 4),
        (r"\[a|b\]", [r"\[a|b\]"] * 4),
        ("([red|blue] sea:1.2)", ["(red sea:1.2)", "(blue sea:1.2)"] * 2),
    ],
)
def test_a_prompt_is_read_for_each_step(prompt, expected):
    assert list(prompt_schedule.by_step(prompt, steps=4)) == expected


@given(st.text(alphabet="ab :|()[]\\.1", max_size=60))
def test_any_text_has_a_prompt_for_each_step(prompt):
    assert len(prompt_schedule.by_step(prompt, steps=3)) == 3


def test_brackets_may_nest_deeper_than_calls():
    prompt = "[" * 900 + "a|b" + "]" * 900

    assert prompt_schedule.versions(prompt, steps=2)[0].strip("[]") == "a"


def test_a_prompt_of_too_many_versions_is_refused():
    prompt = "[a|b|c|d] [a|b|c|d|e]"

    assert "more than 16 others" in errors_of(prompt=prompt, num_inference_steps=50)["prompt"]
    assert len(prompt_schedule.by_step(prompt, steps=50)) == 50
    a_request(prompt=prompt, num_inference_steps=16)


def test_the_pieces_of_all_versions_count():
    words = "tin robots water orchids on a pier, " * 70

    for field in ("prompt", "negative_prompt"):
        errors = errors_of(
            **{field: f"[{'|'.join('abcdefghijklmnop')}] {words}"}, num_inference_steps=50
        )
        assert list(errors) == [field]
        assert "its 16 versions" in errors[field]
        assert f"{MAX_PIECES} are allowed" in errors[field]
    a_request(prompt=f"[a|b] {words}", num_inference_steps=50)


@pytest.mark.parametrize("number", ["9" * 400, "0." + "9" * 400, "9" * 400 + ".5", "-" + "9" * 10])
def test_a_number_that_is_too_long_is_text(number):
    prompt = f"[a:b:{number}]"

    assert prompt_schedule.versions(prompt, steps=4) == (prompt,)
    a_request(prompt=prompt)


@pytest.mark.parametrize("depth", [100, 999])
@pytest.mark.parametrize("middle", ["a", "a|b"])
def test_nested_brackets_around_a_long_prompt_are_read_in_a_moment(depth, middle):
    prompt = "[" * depth + middle * 9_000 + "]" * depth
    began = time.process_time()

    prompts = prompt_schedule.by_step(prompt[:MAX_PROMPT_LENGTH], steps=MAX_STEPS)

    assert time.process_time() - began < 3
    assert len(prompts) == MAX_STEPS
    assert len(set(map(id, prompts))) == len(set(prompts))


def test_a_prompt_of_too_many_signs_is_refused():
    assert set(errors_of(negative_prompt="[" + "a:" * 980 + "b" + "]" * 50)) == {"negative_prompt"}


def test_each_version_keeps_to_the_weights():
    assert set(errors_of(prompt="([a|b]:11)")) == {"prompt"}


def test_a_request_counts_the_texts_that_are_read():
    request = a_request(prompt="[a|b]", negative_prompt="[c:d:2]")

    assert len(request.texts) == 4
    assert request.texts_by_step == (("a", "c"), ("b", "c"), ("a", "d"), ("b", "d"))
    assert a_request(prompt="[a|b]", guidance_scale=1.0).texts == ["a", "b"]


def test_a_request_counts_the_pieces_of_all_texts():
    longer = "a BREAK b BREAK [c|d]"

    assert a_request(prompt="a").text_pieces == 2
    assert a_request(prompt=longer, negative_prompt="[a|b]").text_pieces == 2 * 3 + 2
    assert a_request(prompt=longer, negative_prompt="[a|b]", guidance_scale=1.0).text_pieces == 6
