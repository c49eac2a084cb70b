"""One style sheet from the files of static/css, served as css/site.css."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.contrib.staticfiles.finders import BaseFinder
from django.core.files.base import ContentFile
from django.core.files.storage import InMemoryStorage

SOURCE = Path(settings.BASE_DIR) / "static" / "css"
SHEET = "css/site.css"
# In rising precedence. A layer is the file of its name, or all files in the folder of its name.
LAYERS = ("tokens", "base", "layout", "components", "pages")
COMMENT = re.compile(r"/\*.*?\*/\s*", re.DOTALL)


def joined(source: Path = SOURCE) -> str:
    """All files, each in its layer, in the order of their names, without comments."""
    parts = [f"@layer {', '.join(LAYERS)};\n"]
    for layer in LAYERS:
        rules = "\n".join(COMMENT.sub("", file.read_text()) for file in files(layer, source))
        parts.append(f"@layer {layer} {{\n{rules}}}\n")
    return "\n".join(parts)


def files(layer: str, source: Path = SOURCE) -> list[Path]:
    return [*source.glob(f"{layer}.css"), *sorted(source.glob(f"{layer}/*.css"))]


class StylesheetFinder(BaseFinder):
    """Gives `collectstatic` the joined sheet; with DEBUG, joins it anew for each request."""

    def check(self, **kwargs: Any) -> list[Any]:
        return []

    def find(self, path: str, find_all: bool = False, **kwargs: Any) -> Any:
        if path != SHEET:
            return []
        sheet = settings.DATA_DIR / SHEET
        _write(sheet, joined())
        return [str(sheet)] if find_all else str(sheet)

    def list(self, ignore_patterns: Iterable[str] | None) -> Iterator[Any]:
        storage = InMemoryStorage()
        storage.save(SHEET, ContentFile(joined()))
        yield SHEET, storage


def _write(path: Path, text: str) -> None:
    # A sheet that has not changed keeps its time, and with it the ETag that browsers ask by.
    if path.exists() and path.read_text() == text:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    # Several processes may write it at once: each replaces it whole.
    part = path.with_suffix(f".{uuid4().hex}")
    part.write_text(text)
    part.replace(path)
