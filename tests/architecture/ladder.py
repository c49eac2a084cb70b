"""The import ladder of docs/architecture.md, and a reader of imports that holds the code against it.

Every import counts: at the top of a file, inside a function, and under TYPE_CHECKING.
"""

import ast
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

PROJECT = Path(__file__).parents[2]
PACKAGES = ("accounts", "billing", "generation", "sdsite")

# From top to bottom. A room imports only rooms on lower rungs; those on one rung know nothing of each other.
LADDER: Sequence[Sequence[str]] = (
    ("sdsite",),
    ("generation.admin", "generation.apps", "generation.urls"),
    (
        "generation.management",
        "generation.public",
        "generation.receivers",
        "generation.tasks",
    ),
    (
        "generation.api",
        "generation.operations",
        "generation.personal_data",
        "generation.studio",
        "generation.templatetags",
        "generation.worker",
    ),
    ("generation.gallery", "generation.jobs"),
    ("generation.images",),
    ("generation.live", "generation.options"),
    ("generation.moderation", "generation.queue", "generation.usage"),
    ("generation.cursors", "generation.emails", "generation.models"),
    ("billing",),
    ("accounts",),
)
ENGINE = "generation.engine"
ENGINE_LADDER: Sequence[Sequence[str]] = (
    (f"{ENGINE}.sketchbook",),
    (f"{ENGINE}.loop",),
    (f"{ENGINE}.events",),
    (f"{ENGINE}.saved_run",),
    (f"{ENGINE}.loading",),
    (f"{ENGINE}.diffusion",),
    (f"{ENGINE}.request",),
    (f"{ENGINE}.checkpoints",),
    (f"{ENGINE}.charges", f"{ENGINE}.failures"),
    (f"{ENGINE}.strict_json",),
    (f"{ENGINE}.enums", f"{ENGINE}.messages", f"{ENGINE}.storable_text"),
)


@dataclass(frozen=True)
class Import:
    """One imported name; `importer` and `imported` are modules, as dotted names."""

    importer: str
    imported: str
    line: int

    def __str__(self) -> str:
        return f"{self.importer}:{self.line} imports {self.imported}"


@cache
def modules() -> Mapping[str, Path]:
    """Return every module of the project, by its dotted name."""
    paths = [path for package in PACKAGES for path in (PROJECT / package).rglob("*.py")]
    return {name_of(path.relative_to(PROJECT)): path for path in sorted(paths)}


def name_of(path: Path) -> str:
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports_in(importer: str, text: str, known: Iterable[str]) -> Iterator[Import]:
    """Yield what the source `text` imports of the `known` modules, and of others as they are written."""
    known = set(known)
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{importer} has a relative import"
            names = [
                name if (name := f"{node.module}.{alias.name}") in known else str(node.module)
                for alias in node.names
            ]
        else:
            continue
        yield from (Import(importer, name, node.lineno) for name in names)


@cache
def all_imports() -> Sequence[Import]:
    return [
        each
        for name, path in modules().items()
        if ".migrations" not in name
        for each in imports_in(name, path.read_text(), modules())
    ]


def room_of(module: str, ladder: Sequence[Sequence[str]]) -> str | None:
    """Return the room of the ladder in which a module stands, or None."""
    rooms = (room for rung in ladder for room in rung)
    return next((room for room in rooms if f"{module}.".startswith(f"{room}.")), None)


def climbs(imports: Iterable[Import], ladder: Sequence[Sequence[str]]) -> Iterator[Import]:
    """Yield the imports that lead to a room which is not below the importer's own."""
    height = {room: -rung for rung, rooms in enumerate(ladder) for room in rooms}
    for each in imports:
        above, below = room_of(each.importer, ladder), room_of(each.imported, ladder)
        if above and below and above != below and height[below] >= height[above]:
            yield each


def circle_in(imports: Iterable[Import]) -> Sequence[str]:
    """Return the modules of one circle of imports, or nothing."""
    graph: dict[str, set[str]] = {}
    for each in imports:
        if each.imported in modules() and each.imported != each.importer:
            graph.setdefault(each.importer, set()).add(each.imported)
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []
