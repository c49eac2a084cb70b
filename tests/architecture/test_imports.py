"""sdsite -> generation -> billing -> accounts; the engine stands alone, and torch stays in the worker."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
# Each package, and those of ours that it may import besides itself.
ALLOWED = {
    "accounts": set(),
    "billing": {"accounts"},
    "generation": {"accounts", "billing"},
    "sdsite": {"accounts", "billing", "generation"},
}
WEB = "django", "celery", "channels", "allauth", "asgiref"


def imports(path: Path) -> Iterator[str]:
    """The absolute names of the modules that a file imports, anywhere in it."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} has a relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_relative_and_nested_imports_are_seen(tmp_path):
    file = tmp_path / "module.py"
    file.write_text("def f():\n    from billing import ledger\n    import torch.nn\n")

    assert list(imports(file)) == ["billing.ledger", "torch.nn"]


@pytest.mark.parametrize("package", ALLOWED)
def test_a_package_imports_only_those_below_it(package):
    forbidden = ALLOWED.keys() - ALLOWED[package] - {package}

    found = [
        (str(path.relative_to(PROJECT)), name)
        for path in (PROJECT / package).rglob("*.py")
        for name in imports(path)
        if name.split(".")[0] in forbidden
    ]

    assert found == []


def test_the_engine_knows_nothing_of_the_web():
    found = [
        (path.name, name)
        for path in (PROJECT / "generation" / "engine").rglob("*.py")
        for name in imports(path)
        if name.split(".")[0] in (*WEB, *ALLOWED) and not name.startswith("generation.engine")
    ]

    assert found == []


def test_stripe_is_known_to_its_own_folder_alone():
    found = {
        path.relative_to(PROJECT).as_posix()
        for package in ALLOWED
        for path in (PROJECT / package).rglob("*.py")
        if any(name.split(".")[0] == "stripe" for name in imports(path))
    }

    folder = "billing/providers/stripe"
    names = ("catalogue", "checkouts", "client", "invoices", "subscriptions")
    assert found == {f"{folder}/{name}.py" for name in names}


@pytest.mark.parametrize("module", ["sdsite.asgi", "sdsite.celery"])
def test_the_web_process_and_beat_load_without_torch(module):
    script = (
        f"import sys, {module}; "
        "print(*sorted({'torch', 'diffusers', 'transformers'} & sys.modules.keys()))"
    )

    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=PROJECT
    )

    assert result.stdout.split() == []
