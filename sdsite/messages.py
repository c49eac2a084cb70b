"""Translatable texts: extracted from code and templates into locale/*/LC_MESSAGES/django.po."""

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

from babel.messages import Catalog, Message
from babel.messages.extract import extract, extract_python
from babel.messages.pofile import read_po, write_po
from django.utils.translation.template import templatize

PROJECT = Path(__file__).resolve().parent.parent
PACKAGES = ("accounts", "billing", "generation", "sdsite")
TEMPLATES = PROJECT / "templates"
# Functions, and the meaning of their arguments.
KEYWORDS: dict[str, Any] = {
    name: parts
    for names, parts in (
        (("_", "gettext", "gettext_lazy", "gettext_noop"), None),
        (("ngettext", "ngettext_lazy"), (1, 2)),
        (("pgettext", "pgettext_lazy"), ((1, "c"), 2)),
        (("npgettext", "npgettext_lazy"), ((1, "c"), 2, 3)),
    )
    for name in names
}


def extracted() -> Catalog:
    """All texts in code and templates, in the order of their files."""
    catalog = Catalog(charset="utf-8")
    for path, method in _sources():
        with path.open("rb") as file:
            for line, text, _comments, context in extract(method, file, KEYWORDS):
                place = (path.relative_to(PROJECT).as_posix(), line)
                catalog.add(text, locations=[place], context=context)
    return catalog


def catalogs() -> list[Path]:
    """The translation files, one for each language."""
    return sorted((PROJECT / "locale").glob("*/LC_MESSAGES/django.po"))


def read(path: Path) -> Catalog:
    with path.open("rb") as file:
        return read_po(file, locale=path.parts[-3])


def update(path: Path) -> list[Message]:
    """Update a translation file: add new texts without a translation, remove unused ones.

    Returns the texts without a translation.
    """
    catalog = read(path)
    catalog.update(extracted(), no_fuzzy_matching=True)
    # Keeps the file's header: Babel's own changes every day.
    head, _, _ = path.read_text().partition("\n\n")
    body = BytesIO()
    write_po(body, catalog, width=0, no_location=True, omit_header=True, ignore_obsolete=True)
    path.write_text(f"{head}\n\n{body.getvalue().decode()}")
    return missing(catalog)


def missing(catalog: Catalog) -> list[Message]:
    """Texts without a translation, or with a fuzzy one."""
    return [each for each in catalog if each.id and (each.fuzzy or not _is_complete(each))]


def _is_complete(message: Message) -> bool:
    texts = message.string if isinstance(message.string, tuple | list) else (message.string,)
    return bool(texts) and all(texts)


def _sources() -> Iterator[tuple[Path, Any]]:
    for package in PACKAGES:
        for path in sorted((PROJECT / package).rglob("*.py")):
            yield path, "python"
    for path in sorted(TEMPLATES.rglob("*.*")):
        if path.suffix in {".html", ".txt"}:
            yield path, _extract_template


def _extract_template(file: Any, keywords: Any, comment_tags: Any, options: Any) -> Iterator[Any]:
    """The template as Python for extraction: texts as calls, everything else blank."""
    calls = templatize(file.read().decode())
    # Python would read leading blanks as indentation.
    flat = "\n".join(line.strip() for line in calls.split("\n"))
    return extract_python(BytesIO(flat.encode()), keywords, comment_tags, options)
