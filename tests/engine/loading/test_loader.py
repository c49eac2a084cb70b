"""Checkpoints load beside the steps of others, stay warm within a budget, and are never pickles."""

import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from generation.engine.checkpoints import catalogue
from generation.engine.checkpoints.store import identity, structure
from generation.engine.diffusion.families.sd import StableDiffusion
from generation.engine.events import Failed, Loading, Stepped
from generation.engine.loading.loader import Loaded, Loader, LoadError, NoRoom
from generation.engine.loop.engine import Engine
from tests.engine.driving import (
    a_request,
    of_kind,
    run_to_the_end,
    steps_until,
    the_finished,
    turn,
)


def load(loader: Loader, id: str, *, within_s: float = 30) -> Loaded:
    """Acquire a checkpoint, waiting for its load."""
    told = threading.Event()
    loader.on_loaded = told.set
    while (loaded := loader.acquire(catalogue.get(id))) is None:
        assert told.wait(within_s)
        told.clear()
    return loaded


def begin_load(loader: Loader, id: str) -> None:
    """Acquire a checkpoint until its load has begun."""
    told = threading.Event()
    loader.on_loaded = told.set
    while id not in loader.warm:
        assert loader.acquire(catalogue.get(id)) is None
        assert id in loader.warm or told.wait(30)
        told.clear()


@pytest.fixture
def size_of_one(checkpoint_root: Path) -> int:
    files = (checkpoint_root / "toy").glob("*/*.safetensors")
    return sum(path.stat().st_size for path in files)


@pytest.fixture
def room_for_one(checkpoint_root: Path, size_of_one: int) -> Iterator[Loader]:
    loader = Loader(checkpoint_root, budget_bytes=int(size_of_one * 1.5))
    yield loader
    loader.close()


@pytest.fixture
def copy(checkpoint_root: Path, tmp_path: Path) -> Path:
    """A folder of checkpoints with a toy that may be damaged."""
    shutil.copytree(checkpoint_root / "toy", tmp_path / "toy")
    return tmp_path


def error_of(root: Path) -> str:
    loader = Loader(root)
    with pytest.raises(LoadError) as raised:
        load(loader, "toy")
    loader.close()
    return str(raised.value)


def test_a_loaded_checkpoint_stays_warm(loader: Loader) -> None:
    first = load(loader, "toy")
    loader.release(catalogue.get("toy"))

    assert loader.acquire(catalogue.get("toy")) is first
    assert loader.warm == {"toy"}


def test_the_least_recently_used_makes_room(room_for_one: Loader) -> None:
    load(room_for_one, "toy")
    room_for_one.release(catalogue.get("toy"))

    load(room_for_one, "toy-v")

    assert room_for_one.warm == {"toy-v"}


def test_a_checkpoint_in_use_is_never_evicted(room_for_one: Loader) -> None:
    in_use = load(room_for_one, "toy")

    with pytest.raises(NoRoom):
        load(room_for_one, "toy-v")

    assert room_for_one.acquire(catalogue.get("toy")) is in_use


def test_one_that_exceeds_the_budget_alone_is_loaded(checkpoint_root: Path) -> None:
    loader = Loader(checkpoint_root, budget_bytes=1)

    load(loader, "toy")

    assert loader.warm == {"toy"}
    loader.close()


def test_a_run_without_room_waits_until_another_ends(room_for_one: Loader) -> None:
    engine = Engine(loader=room_for_one)
    engine.submit(a_request(num_inference_steps=10), key="first")
    steps_until(engine, Stepped, key="first")
    engine.submit(a_request(checkpoint="toy-v"), key="second")
    events = turn(engine)
    room_for_one._footprints["toy-v"].result()
    engine.submit(a_request(), key="third, behind the second")

    events += run_to_the_end(engine)

    ends = [event.key for event in events if hasattr(event, "images")]
    assert ends == ["first", "second", "third, behind the second"]
    assert room_for_one.warm == {"toy"}


def test_a_load_does_not_stop_another_checkpoints_steps(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine.submit(a_request(num_inference_steps=150), key="stepping")
    steps_until(engine, Stepped, key="stepping")
    may_load = threading.Event()
    load_pipeline = StableDiffusion.load.__func__

    def load_when_told(cls, *arguments, **options):
        assert may_load.wait(120)
        return load_pipeline(cls, *arguments, **options)

    monkeypatch.setattr(StableDiffusion, "load", classmethod(load_when_told))
    engine.submit(a_request(checkpoint="toy-v"), key="loading")
    events = [event for _ in range(20) for event in turn(engine)]
    may_load.set()

    assert len(of_kind(events, Stepped, key="stepping")) == 20
    assert len(of_kind(events, Loading, key="loading")) == 1
    the_finished(run_to_the_end(engine), key="loading")


@pytest.mark.parametrize("hanging", [(structure, "require"), (identity, "of_folder")])
def test_files_that_hang_do_not_stop_another_checkpoints_steps(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, hanging: tuple[ModuleType, str]
) -> None:
    engine.submit(a_request(num_inference_steps=150), key="stepping")
    steps_until(engine, Stepped, key="stepping")
    answers = threading.Event()
    read = getattr(*hanging)

    def read_when_told(*arguments):
        assert answers.wait(30)
        return read(*arguments)

    monkeypatch.setattr(*hanging, read_when_told)
    engine.submit(a_request(checkpoint="toy-v"), key="loading")
    events = [event for _ in range(20) for event in turn(engine)]
    answers.set()

    assert len(of_kind(events, Stepped, key="stepping")) == 20
    the_finished(run_to_the_end(engine), key="loading")


def test_the_thread_that_loaded_ends_with_its_pool_of_threads(
    loader: Loader, monkeypatch: pytest.MonkeyPatch
) -> None:
    load_pipeline = StableDiffusion.load.__func__
    threads = []

    def load_and_note(cls, *arguments, **options):
        threads.append(threading.current_thread())
        return load_pipeline(cls, *arguments, **options)

    monkeypatch.setattr(StableDiffusion, "load", classmethod(load_and_note))
    load(loader, "toy")

    (thread,) = threads
    assert not thread.is_alive()


def test_pickled_weights_are_refused_with_the_reason(copy: Path) -> None:
    weights = copy / "toy" / "unet" / "diffusion_pytorch_model.safetensors"
    weights.rename(weights.with_suffix(".bin"))

    assert "pickled weights, which can run code" in error_of(copy)


@pytest.mark.parametrize("part", ["unet", "vae", "text_encoder"])
def test_missing_weights_are_named(copy: Path, part: str) -> None:
    shutil.rmtree(copy / "toy" / part)

    assert f"{part} has no safetensors weights" in error_of(copy)


def test_a_missing_noise_schedule_is_a_load_error(copy: Path) -> None:
    shutil.rmtree(copy / "toy" / "scheduler")

    assert "has no noise scheduler" in error_of(copy)


def test_a_missing_vocabulary_is_named(copy: Path) -> None:
    shutil.rmtree(copy / "toy" / "tokenizer")

    assert "tokenizer has no vocabulary" in error_of(copy)


@pytest.mark.parametrize("part", ["unet", "vae", "text_encoder"])
def test_truncated_weights_are_a_load_error(copy: Path, part: str) -> None:
    (weights,) = (copy / "toy" / part).glob("*.safetensors")
    content = weights.read_bytes()
    weights.write_bytes(content[: len(content) // 2])

    assert f"{weights} is not whole" in error_of(copy)


def test_a_missing_folder_is_a_load_error(tmp_path: Path) -> None:
    assert "missing or incomplete" in error_of(tmp_path)


def test_a_failed_load_fails_its_runs_and_can_be_repeated(copy: Path) -> None:
    loader = Loader(copy)
    engine = Engine(loader=loader)
    scheduler = copy / "toy" / "scheduler"
    scheduler.rename(copy / "elsewhere")
    engine.submit(a_request(), key="early")
    (failed,) = of_kind(run_to_the_end(engine), Failed)
    (copy / "elsewhere").rename(scheduler)

    engine.submit(a_request(), key="late")
    events = run_to_the_end(engine)

    assert failed.code == "load"
    assert "could not be loaded" in failed.message
    the_finished(events, key="late")
    loader.close()
