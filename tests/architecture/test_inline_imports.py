"""An import inside a function says why it is there; ruff's PLC0415 asks for it."""

import ast
import re

import pytest

from tests.architecture.ladder import PACKAGES, PROJECT

REASON = re.compile(r"#.*(slow import|app registry|optional dependency): \w+")


def inline_imports(text):
    """Return the lines of every import that does not stand at the top level of a module."""
    tree = ast.parse(text)
    lines = text.splitlines()
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    inside = (
        each for node in ast.walk(tree) if isinstance(node, functions) for each in ast.walk(node)
    )
    imports = {each for each in inside if isinstance(each, ast.Import | ast.ImportFrom)}
    return ["\n".join(lines[each.lineno - 1 : each.end_lineno]) for each in imports]


def files():
    return [path for package in (*PACKAGES, "tests") for path in (PROJECT / package).rglob("*.py")]


def test_every_inline_import_has_one_of_the_reasons():
    found = [
        f"{path.relative_to(PROJECT)}: {line.strip()}"
        for path in files()
        for line in inline_imports(path.read_text())
        if not REASON.search(line)
    ]

    assert found == []


@pytest.mark.parametrize(
    ("comment", "is_accepted"),
    [
        ("# slow import: torch", True),
        ("# noqa: PLC0415  # app registry: models", True),
        ("# optional dependency: the embedded servers", True),
        ("# which needs this module", False),
        ("# slow import:", False),
    ],
)
def test_a_reason_is_one_of_a_few(comment, is_accepted):
    (line,) = inline_imports(f"def f():\n    import torch  {comment}\n")

    assert bool(REASON.search(line)) == is_accepted
