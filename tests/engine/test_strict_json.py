"""JSON from outside is bounded, finite and storable."""

import pytest

from generation.engine import strict_json


@pytest.mark.parametrize(
    ("content", "value"),
    [
        ("[1, 2.5, null, true]", [1, 2.5, None, True]),
        (b'{"a": "\\u00e9\\ud83d\\ude00"}', {"a": "é😀"}),
        ('"\u732b"'.encode(), "猫"),
        ('"a"'.encode("utf-16"), "a"),
        (r'"a\\u0000"', r"a\u0000"),
        ("[" * strict_json.MAX_DEPTH + "]" * strict_json.MAX_DEPTH, None),
    ],
)
def test_json_is_read(content: str | bytes, value: object) -> None:
    found = strict_json.loads(content)

    assert value is None or found == value


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "NaN",
        "[-Infinity]",
        '{"a": 1e999}',
        "9" * 5_000,
        b'"\xed\xa0\x80"',
        b'"\xff"',
        "[" * 65 + "]" * 65,
        '{"a":' * 65 + "1" + "}" * 65,
        "[" * 100_000 + "]" * 100_000,
        "[" * 100_000,
        "[" + "0," * strict_json.MAX_VALUES + "0]",
    ],
    ids=lambda content: str(content[:12]),
)
@pytest.mark.parametrize("is_stored", [True, False])
def test_anything_else_is_refused(content: str | bytes, is_stored: bool) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  # each has words of its own
        strict_json.loads(content, is_stored=is_stored)


@pytest.mark.parametrize(
    "content", [r'"\u0000"', r'{"\u0000": 1}', r'[[{"a": ["\ud800"]}]]', r'"\udc00\ud800"']
)
def test_text_that_cannot_be_stored_is_refused_where_it_is_stored(content: str) -> None:
    strict_json.loads(content, is_stored=False)

    with pytest.raises(ValueError, match="cannot be stored"):
        strict_json.loads(content)


def test_the_bound_does_not_depend_on_the_depth_of_the_callers_stack() -> None:
    def call(depth: int) -> object:
        return call(depth - 1) if depth else strict_json.loads("[" * 64 + "]" * 64)

    assert call(300) == strict_json.loads("[" * 64 + "]" * 64)
