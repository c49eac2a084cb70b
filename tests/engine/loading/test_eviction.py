"""The loader counts users, loads once, forgets failures, and evicts in the order of last use."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from generation.engine.checkpoints import catalogue
from generation.engine.diffusion.families.sd import StableDiffusion
from generation.engine.loading.loader import Loader, LoadError, NoRoom
from tests.engine.loading.test_loader import begin_load, load
from tests.engine.toy_checkpoints import toy

# All of one family and almost one size.
IDS = ("toy", "toy-sd2", "toy-inpaint")
NEXT = "toy-depth"


@pytest.fixture
def room_for_three(checkpoint_root: Path) -> Iterator[Loader]:
    """A loader that holds three idle checkpoints and has no room for a fourth."""
    loader = Loader(checkpoint_root)
    for id in IDS:
        load(loader, id)
        loader.release(toy(id))
    loader.budget_bytes = loader.num_bytes
    yield loader
    loader.close()


@pytest.fixture
def held_loads(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[threading.Event, list[str]]]:
    """Loads that wait until the event is set; the list has the id of each that has begun."""
    may_load, begun = threading.Event(), []
    original = StableDiffusion.load.__func__

    def load_when_told(cls, checkpoint, components):
        begun.append(checkpoint.id)
        assert may_load.wait(60)
        return original(cls, checkpoint, components)

    monkeypatch.setattr(StableDiffusion, "load", classmethod(load_when_told))
    yield may_load, begun
    may_load.set()


@pytest.mark.parametrize("used_last", IDS)
def test_the_checkpoint_used_last_stays_longest(room_for_three: Loader, used_last: str) -> None:
    load(room_for_three, used_last)
    room_for_three.release(toy(used_last))

    # Larger than the first, so that more than one may have to go.
    load(room_for_three, NEXT)

    assert NEXT in room_for_three.warm
    assert used_last in room_for_three.warm
    assert next(id for id in IDS if id != used_last) not in room_for_three.warm
    assert room_for_three.num_bytes <= room_for_three.budget_bytes


def test_a_checkpoint_is_in_use_until_every_user_released_it(room_for_three: Loader) -> None:
    for id in IDS[1:]:
        load(room_for_three, id)
    load(room_for_three, IDS[0])
    load(room_for_three, IDS[0])

    room_for_three.release(toy(IDS[0]))
    with pytest.raises(NoRoom):
        load(room_for_three, NEXT)
    assert room_for_three.warm == set(IDS)


def test_a_refused_checkpoint_evicts_none_in_use_and_is_not_counted(room_for_three: Loader) -> None:
    for id in IDS:
        load(room_for_three, id)
    before = room_for_three.num_bytes

    with pytest.raises(NoRoom):
        load(room_for_three, NEXT)

    assert room_for_three.num_bytes == before
    assert NEXT not in room_for_three.warm


def test_a_checkpoint_that_many_wait_for_is_loaded_once(
    loader: Loader, held_loads: tuple[threading.Event, list[str]]
) -> None:
    may_load, begun = held_loads

    assert [loader.acquire(toy()) for _ in range(5)] == [None] * 5
    may_load.set()
    first, second = load(loader, "toy"), load(loader, "toy")

    assert first is second
    assert begun == ["toy"]
    assert loader._entries["toy"].users == 2


def test_a_load_counts_against_the_budget_while_it_lasts(
    checkpoint_root: Path, held_loads: tuple[threading.Event, list[str]]
) -> None:
    may_load, _begun = held_loads
    loader = Loader(checkpoint_root, budget_bytes=1)

    begin_load(loader, "toy")
    assert loader.num_bytes > 1
    with pytest.raises(NoRoom):
        load(loader, "toy-v")

    assert loader.warm == {"toy"}
    may_load.set()
    loader.close()


def test_the_loop_is_told_of_each_load_and_of_each_failure(
    loader: Loader, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = threading.Semaphore(0)
    loader.on_loaded = told.release

    def ask_as_often_as_told(id: str) -> None:
        loader.acquire(toy(id))
        assert told.acquire(timeout=60)
        if id not in loader.warm:
            # Its files have been looked at; now they are loaded.
            loader.acquire(toy(id))
        assert told.acquire(timeout=60)

    def broken(cls, *_arguments):
        raise RuntimeError("a bad file")

    ask_as_often_as_told("toy")
    monkeypatch.setattr(StableDiffusion, "load", classmethod(broken))
    ask_as_often_as_told("toy-v")


def test_a_failed_load_leaves_nothing_behind(
    loader: Loader, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(cls, *_arguments):
        raise RuntimeError("a bad file")

    with monkeypatch.context() as patch:
        patch.setattr(StableDiffusion, "load", classmethod(broken))
        with pytest.raises(
            LoadError, match=r"toy could not be loaded: RuntimeError\('a bad file'\)"
        ):
            load(loader, "toy")

    assert loader.warm == frozenset()
    assert loader.num_bytes == 0
    assert load(loader, "toy").pipeline.checkpoint_id == "toy"


def test_a_checkpoint_with_missing_files_is_never_counted(tmp_path: Path) -> None:
    loader = Loader(tmp_path)

    with pytest.raises(LoadError, match="missing or incomplete"):
        load(loader, "toy")

    assert (loader.warm, loader.num_bytes) == (frozenset(), 0)
    loader.close()


def test_a_loaded_checkpoint_counts_its_weights_and_its_time(loader: Loader) -> None:
    loaded = load(loader, "toy")

    assert loaded.num_bytes == loaded.pipeline.num_bytes == loader.num_bytes
    assert loaded.load_us > 1_000
    assert catalogue.get("toy").id in loader.warm
