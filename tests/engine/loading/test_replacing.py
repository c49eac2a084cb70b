"""A checkpoint that is replaced on disk is loaded anew; present runs finish with the old one."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from generation.engine.checkpoints import catalogue
from generation.engine.checkpoints.store import descriptor
from generation.engine.checkpoints.store.files import write_json
from generation.engine.enums import Family
from generation.engine.events import Stepped
from generation.engine.loading.loader import Loader, NoRoom
from generation.engine.loop.batch_limit import BatchLimit
from generation.engine.loop.engine import Engine
from tests.engine import toy_checkpoints
from tests.engine.driving import a_request, run_to_the_end, steps_until, the_finished
from tests.engine.loading.test_loader import load
from tests.engine.toy_checkpoints import TOYS, toy


@pytest.fixture
def root(checkpoint_root: Path, tmp_path: Path) -> Path:
    """A folder of checkpoints with a toy that may be replaced."""
    shutil.copytree(checkpoint_root / "toy", tmp_path / "toy")
    return tmp_path


@pytest.fixture
def loader(root: Path) -> Iterator[Loader]:
    loader = Loader(root)
    yield loader
    loader.close()


def replace_toy(root: Path) -> None:
    """Put other weights under the toy's id."""
    shutil.rmtree(root / "toy")
    toy_checkpoints.write(TOYS["toy"], root / "toy", seed=99)


def image_of(root: Path) -> bytes:
    """The image of a request that has an engine to itself."""
    loader = Loader(root)
    engine = Engine(loader=loader)
    engine.submit(a_request(), key="alone")
    (image,) = the_finished(run_to_the_end(engine), key="alone").images
    loader.close()
    return image.tobytes()


def test_the_next_user_gets_the_new_one(loader: Loader, root: Path) -> None:
    old = load(loader, "toy")
    loader.release(toy(), old)

    replace_toy(root)

    assert load(loader, "toy") is not old
    assert loader.warm == {"toy"}


def test_runs_finish_with_the_one_that_they_started_with(loader: Loader, root: Path) -> None:
    engine = Engine(loader=loader, batch_limit=BatchLimit(initial=16))
    expected = {"old": image_of(root)}
    engine.submit(a_request(), key="old")
    steps_until(engine, Stepped, key="old")

    replace_toy(root)
    expected["new"] = image_of(root)
    engine.submit(a_request(), key="new")
    events = run_to_the_end(engine)

    images = {key: the_finished(events, key=key).images[0].tobytes() for key in expected}
    assert images == expected
    assert expected["old"] != expected["new"]


def test_runs_on_old_and_new_weights_share_no_pass(loader: Loader, root: Path) -> None:
    engine = Engine(loader=loader, batch_limit=BatchLimit(initial=16))
    expected = {"old": image_of(root)}
    engine.submit(a_request(), key="old")
    steps_until(engine, Stepped, key="old")
    replace_toy(root)
    expected["new"] = image_of(root)
    engine.submit(a_request(), key="new")
    # Both are ready to step from here on.
    load(loader, "toy")

    events = run_to_the_end(engine)

    assert {key: the_finished(events, key=key).images[0].tobytes() for key in expected} == expected


def test_the_old_one_is_forgotten_with_its_last_user(loader: Loader, root: Path) -> None:
    old = load(loader, "toy")
    assert loader.acquire(toy()) is old
    replace_toy(root)
    new = load(loader, "toy")
    assert loader.num_bytes == old.num_bytes + new.num_bytes

    loader.release(toy(), old)
    assert loader.num_bytes == old.num_bytes + new.num_bytes
    loader.release(toy(), old)

    assert loader.num_bytes == new.num_bytes
    assert loader._entries["toy"].users == 1


def test_the_old_one_takes_its_room_until_it_is_released(loader: Loader, root: Path) -> None:
    old = load(loader, "toy")
    loader.budget_bytes = int(old.num_bytes * 1.5)
    replace_toy(root)

    with pytest.raises(NoRoom):
        load(loader, "toy")
    loader.release(toy(), old)

    assert load(loader, "toy") is not old


def test_a_removed_one_serves_until_another_has_its_id(loader: Loader, root: Path) -> None:
    old = load(loader, "toy")
    shutil.rmtree(root / "toy")

    assert loader.acquire(toy()) is old

    toy_checkpoints.write(TOYS["toy"], root / "toy", seed=99)
    assert load(loader, "toy") is not old


def test_an_own_checkpoint_is_loaded_as_its_folder_describes_it_now(
    loader: Loader, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_json(root / "toy" / descriptor.NAME, {"family": "sd1"})
    known_before = replace(toy(), source=descriptor.OWN, family=Family.SDXL)
    monkeypatch.setattr(catalogue, "CHECKPOINTS", {"toy": known_before})

    assert load(loader, "toy").pipeline.num_bytes > 0
