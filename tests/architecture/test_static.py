"""The files of static/: small, named in their first line, and without what Python says already."""

from pathlib import Path

import pytest

from generation.engine.enums import Mode, NoiseScheduler

PROJECT = Path(__file__).parents[2]
FILES = [
    *(PROJECT / "static" / "css").rglob("*.css"),
    *(PROJECT / "static" / "js").rglob("*.js"),
]
MOST_LINES = 300
FIRST_LINES = {".css": "/* ", ".js": "// Markup: "}
# Pages get these as data-*: data-uses, data-modes, data-schedulers.
SAID_IN_PYTHON = {*Mode, *NoiseScheduler}


def problems(file: Path) -> list[str]:
    text = file.read_text()
    first = text.splitlines()[0]
    return [
        *(["too long"] if len(text.splitlines()) > MOST_LINES else []),
        *([] if first.startswith(FIRST_LINES[file.suffix]) else ["does not name its markup"]),
        *(
            ["its first comment is not one line"]
            if file.suffix == ".css" and "*/" not in first
            else []
        ),
        *sorted(f"spells {word}" for word in SAID_IN_PYTHON if word in text),
    ]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.relative_to(PROJECT).as_posix())
def test_a_file_is_small_names_its_markup_and_spells_no_mode(file):
    assert problems(file) == []


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("long.css", "/* .a. */\n" + "\n" * MOST_LINES, "too long"),
        ("nameless.css", "a {\n}\n", "does not name its markup"),
        ("nameless.js", "// Moves.\n", "does not name its markup"),
        ("wordy.css", "/* .a\n.b */\n", "its first comment is not one line"),
        ("mode.css", '/* .a. */\n[value="inpaint"] {\n}\n', "spells inpaint"),
        ("scheduler.js", '// Markup: none.\nif (name === "unipc") go();\n', "spells unipc"),
    ],
)
def test_what_is_wrong_is_found(tmp_path, name, text, problem):
    file = tmp_path / name
    file.write_text(text)

    assert problem in problems(file)


def test_there_are_files_to_look_at():
    assert {file.suffix for file in FILES} == {".css", ".js"}
    assert len(FILES) > 50
