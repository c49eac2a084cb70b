"""The one style sheet: each file of static/css is in it once, in its layer."""

import re
from pathlib import Path

import pytest
from django.contrib.staticfiles import finders
from django.test import AsyncClient

from sdsite import stylesheet
from sdsite.stylesheet import LAYERS, SHEET, SOURCE

RULE = "a {\n  color: red;\n}\n"


@pytest.fixture
def source(tmp_path):
    for name in ("tokens", "base", "layout", "components/tabs", "components/card", "pages/home"):
        file = tmp_path / f"{name}.css"
        file.parent.mkdir(exist_ok=True)
        file.write_text(f"/* Markup: .{file.stem}. */\n\n.{file.stem} {{\n  color: red;\n}}\n")
    return tmp_path


def layers(sheet):
    """The text of each layer."""
    _order, *parts = re.split(r"^@layer (\w+) {\n", sheet, flags=re.MULTILINE)
    return dict(zip(parts[::2], parts[1::2], strict=True))


def outside_layers(source):
    """Files that the sheet would lack."""
    known = {file for layer in LAYERS for file in stylesheet.files(layer, source)}
    return set(source.rglob("*.css")) - known


def test_layers_are_declared_in_rising_precedence(source):
    sheet = stylesheet.joined(source)

    assert sheet.startswith("@layer tokens, base, layout, components, pages;\n")
    assert list(layers(sheet)) == list(LAYERS)


def test_each_file_is_in_the_layer_of_its_folder_in_the_order_of_names(source):
    found = layers(stylesheet.joined(source))

    assert re.findall(r"\.(\w+) {", found["components"]) == ["card", "tabs"]
    assert re.findall(r"\.(\w+) {", found["pages"]) == ["home"]


def test_comments_stay_behind(source):
    assert "/*" not in stylesheet.joined(source)


def test_every_file_of_the_site_is_in_a_layer():
    assert outside_layers(SOURCE) == set()


def test_a_file_outside_the_layers_is_found(source):
    lost = source / "print.css"
    lost.write_text(RULE)

    assert outside_layers(source) == {lost}


def test_every_rule_of_the_site_is_in_the_sheet_once():
    sheet = layers(stylesheet.joined())

    for layer in LAYERS:
        for file in stylesheet.files(layer):
            rules = stylesheet.COMMENT.sub("", file.read_text())
            assert rules.count("{") == rules.count("}") > 0, file
            assert sheet[layer].count(rules) == 1, file


def test_no_file_names_a_layer_itself():
    assert [file for file in SOURCE.rglob("*.css") if "@layer" in file.read_text()] == []


async def test_with_debug_the_sheet_follows_its_files(settings, source, monkeypatch):
    settings.WHITENOISE_AUTOREFRESH = settings.WHITENOISE_USE_FINDERS = True
    monkeypatch.setattr(stylesheet.joined, "__defaults__", (source,))
    before = await AsyncClient().get(f"/static/{SHEET}")

    (source / "pages" / "home.css").write_text(RULE)
    after = await AsyncClient().get(f"/static/{SHEET}")

    assert b".home {" in before.content
    assert after.content.decode() == stylesheet.joined(source)
    assert RULE in after.content.decode()


def test_an_unchanged_sheet_is_not_written_again():
    first = finders.find(SHEET)
    time = Path(first).stat().st_mtime_ns

    assert finders.find(SHEET, find_all=True) == [first]
    assert Path(first).stat().st_mtime_ns == time
