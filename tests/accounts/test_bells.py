import ast
from itertools import pairwise
from pathlib import Path

import pytest
from celery import current_app
from kombu.exceptions import OperationalError

from accounts import bells

PROJECT = Path(__file__).parents[2]


def rung_names():
    """The task names in the source that follow `bells.ring` in a call."""
    for package in ("accounts", "billing", "generation"):
        for path in (PROJECT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Call):
                    yield from name_in(node)


def name_in(call):
    parts = [call.func, *call.args]
    for part, following in pairwise(parts):
        if isinstance(part, ast.Attribute) and ast.unparse(part) == "bells.ring":
            yield following.value


def test_every_name_that_is_rung_is_a_task():
    current_app.loader.import_default_modules()
    names = set(rung_names())

    assert "generation.work" in names
    assert names <= current_app.tasks.keys()


def test_a_broker_that_is_down_is_only_logged(monkeypatch, caplog):
    def refuse(*args, **options):
        raise OperationalError("down")

    monkeypatch.setattr(current_app, "send_task", refuse)

    bells.ring("accounts.send_mail", "1")

    assert caplog.messages == ["could not ring accounts.send_mail"]


def test_other_errors_are_raised(monkeypatch):
    def refuse(*args, **options):
        raise ValueError

    monkeypatch.setattr(current_app, "send_task", refuse)

    with pytest.raises(ValueError):  # noqa: PT011  # any other error
        bells.ring("accounts.send_mail", "1")
