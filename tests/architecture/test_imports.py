"""The house keeps its ladder: imports lead downwards, and the engine stands alone."""

import subprocess
import sys

import pytest

from tests.architecture.ladder import (
    ENGINE,
    ENGINE_LADDER,
    LADDER,
    PACKAGES,
    PROJECT,
    Import,
    all_imports,
    circle_in,
    climbs,
    imports_in,
    modules,
    room_of,
)

WEB = "django", "celery", "channels", "allauth", "asgiref"
# What of the engine loads without torch, and so may be imported by web processes.
ENGINE_FOR_WEB = tuple(
    f"{ENGINE}.{room}"
    for room in (
        "enums",
        "messages",
        "storable_text",
        "strict_json",
        "charges",
        "failures",
        "checkpoints",
        "request",
    )
)
# Only what runs in a worker or from a command line knows the rest of the engine.
BESIDE_ENGINE = "generation.worker", "generation.management"


def is_in(module, *packages):
    return any(f"{module}.".startswith(f"{package}.") for package in packages)


def test_every_module_of_generation_has_a_place_on_the_ladder():
    homeless = [
        name
        for name in modules()
        if is_in(name, "generation") and not is_in(name, ENGINE, "generation.migrations")
        if name != "generation" and room_of(name, LADDER) is None
    ]
    homeless_in_engine = [
        name
        for name in modules()
        if is_in(name, ENGINE) and name != ENGINE and room_of(name, ENGINE_LADDER) is None
    ]

    assert homeless == []
    assert homeless_in_engine == []


@pytest.mark.parametrize("ladder", [LADDER, ENGINE_LADDER], ids=["house", "engine"])
def test_every_import_leads_down_the_ladder(ladder):
    assert [str(each) for each in climbs(all_imports(), ladder)] == []


@pytest.mark.parametrize(
    "planted",
    [
        "from generation.studio import forms",
        "def f():\n    from generation.studio import forms",
        "if TYPE_CHECKING:\n    from generation.studio.forms import RequestForm",
        "import generation.studio.forms",
        "from generation import studio",
    ],
)
def test_an_import_that_climbs_is_seen_wherever_it_stands(planted):
    imports = list(imports_in("generation.queue.estimates", planted, modules()))

    assert len(list(climbs(imports, LADDER))) == 1


def test_rooms_on_one_rung_do_not_know_each_other():
    imports = imports_in("generation.api.wait", "from generation.worker import worker", modules())

    assert len(list(climbs(imports, LADDER))) == 1


def test_no_modules_import_each_other_in_a_circle():
    assert circle_in(all_imports()) == []


def test_a_circle_is_seen():
    planted = [
        Import("accounts.keys", "accounts.models", 1),
        Import("accounts.models", "accounts.keys", 1),
    ]

    assert set(circle_in(planted)) == {"accounts.keys", "accounts.models"}


def test_the_engine_knows_nothing_of_the_rest():
    found = [
        str(each)
        for each in all_imports()
        if is_in(each.importer, ENGINE)
        if is_in(each.imported, *WEB, *PACKAGES) and not is_in(each.imported, ENGINE)
    ]

    assert found == []


def test_the_web_knows_of_the_engine_what_loads_without_torch():
    found = [
        (each.importer, each.imported)
        for each in all_imports()
        if is_in(each.imported, ENGINE) and not is_in(each.imported, *ENGINE_FOR_WEB)
        if not is_in(each.importer, ENGINE, *BESIDE_ENGINE)
    ]

    # In workers alone, where its weights are.
    safety_checker = f"{ENGINE}.diffusion.safety_checker"
    assert set(found) == {("generation.moderation", safety_checker)}


def test_stripe_is_known_to_its_own_folder_alone():
    found = {each.importer for each in all_imports() if is_in(each.imported, "stripe")}

    assert found
    assert {name for name in found if not is_in(name, "billing.providers.stripe")} == set()


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
