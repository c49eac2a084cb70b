"""Out of memory: costs a part, a batch or a run, never the worker or another user's picture."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
import torch
from torch import Tensor

from generation.engine.checkpoints import catalogue
from generation.engine.checkpoints.store import structure
from generation.engine.diffusion.cuda_graphs import Arguments, GraphPool
from generation.engine.diffusion.families.sd import StableDiffusion
from generation.engine.diffusion.families.vae import Vae
from generation.engine.diffusion.run import Run
from generation.engine.enums import NoiseScheduler
from generation.engine.events import Drafted, Failed, Finished
from generation.engine.loading import device_memory
from generation.engine.loading.loader import Loader
from generation.engine.loading.optimizations import Optimizations
from generation.engine.loop.engine import Engine
from tests.engine.driving import a_request, of_kind, run_to_the_end, the_finished
from tests.engine.loading.test_loader import load
from tests.engine.reference import relative_difference

CPU = torch.device("cpu")
OUT_OF_MEMORY = "CUDA out of memory. Tried to allocate 20.00 MiB"


@pytest.fixture
def loader_for(checkpoint_root: Path) -> Iterator[Callable[[int], Loader]]:
    loaders = []

    def loader_for(budget_bytes: int) -> Loader:
        loaders.append(Loader(checkpoint_root, budget_bytes=budget_bytes))
        return loaders[-1]

    yield loader_for
    for loader in loaders:
        loader.close()


def num_bytes(root: Path, id: str) -> dict[str, int]:
    counts = structure.require(root / id, catalogue.get(id).family)
    return {part: 4 * count for part, count in counts.items()}


def test_the_third_text_encoder_stays_on_the_disk_where_memory_is_short(
    checkpoint_root: Path, loader_for: Callable[[int], Loader]
) -> None:
    parts = num_bytes(checkpoint_root, "toy-sd3")
    ample, short = loader_for(sum(parts.values())), loader_for(sum(parts.values()) - 1)

    whole, without = load(ample, "toy-sd3").pipeline, load(short, "toy-sd3").pipeline

    assert whole.num_bytes - without.num_bytes == parts["text_encoder_3"]
    assert short.num_bytes == without.num_bytes


def test_without_the_third_text_encoder_it_still_draws(
    checkpoint_root: Path, loader_for: Callable[[int], Loader]
) -> None:
    short = sum(num_bytes(checkpoint_root, "toy-sd3").values()) - 1
    engine = Engine(loader=loader_for(short))

    engine.submit(a_request(checkpoint="toy-sd3", noise_scheduler="euler"), key="run")

    the_finished(run_to_the_end(engine), key="run")


def test_weights_count_at_the_precision_that_they_are_loaded_in(
    checkpoint_root: Path, loader_for: Callable[[int], Loader]
) -> None:
    sizes = [sum(num_bytes(checkpoint_root, id).values()) for id in ("toy", "toy-v")]
    # A little more than the weights: the positions of a prompt's tokens are constants.
    loader = loader_for(sum(sizes) + 1_000)

    load(loader, "toy")
    load(loader, "toy-v")

    assert loader.warm == {"toy", "toy-v"}
    assert sum(sizes) <= loader.num_bytes <= loader.budget_bytes


def raise_out_of_memory(*_: object, **__: object) -> None:
    raise torch.OutOfMemoryError(OUT_OF_MEMORY)


def test_pictures_that_are_too_large_to_decode_are_decoded_in_tiles(
    engine: Engine, loader: Loader, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine.submit(a_request(num_images=2), key="whole")
    whole = the_finished(run_to_the_end(engine), key="whole").images
    decode = Vae._decode
    tried: list[tuple[int, bool]] = []
    rooms: list[str] = []
    pipeline = load(loader, "toy").pipeline
    pipeline.forward = GraphPool().wrap(pipeline.forward)
    monkeypatch.setattr(GraphPool, "clear", lambda _: rooms.append("made"))

    def decode_tiles_only(vae: Vae, latents: Tensor) -> Tensor:
        tried.append((len(latents), vae.module.use_tiling))
        if not vae.module.use_tiling:
            raise torch.OutOfMemoryError(OUT_OF_MEMORY)
        return decode(vae, latents)

    monkeypatch.setattr(Vae, "_decode", decode_tiles_only)
    engine.submit(a_request(num_images=2), key="tiled")

    tiled = the_finished(run_to_the_end(engine), key="tiled").images

    assert tried == [(2, False), (1, True), (1, True)]
    assert rooms == ["made"]
    for one, other in zip(whole, tiled, strict=True):
        assert max(abs(a - b) for a, b in zip(one.tobytes(), other.tobytes(), strict=True)) <= 1


def test_a_batch_that_is_too_large_is_halved_until_it_fits(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    denoise = StableDiffusion.denoise
    sizes: list[int] = []

    def denoise_at_most_two(pipeline: StableDiffusion, runs: Sequence[Run]) -> list[Tensor]:
        sizes.append(len(runs))
        if len(runs) > 2:
            raise torch.OutOfMemoryError(OUT_OF_MEMORY)
        return denoise(pipeline, runs)

    monkeypatch.setattr(StableDiffusion, "denoise", denoise_at_most_two)
    for index in range(8):
        engine.submit(a_request(seed=index, num_inference_steps=1), key=str(index))

    events = run_to_the_end(engine)

    assert sizes == [8, 4, 2, 2, 4, 2, 2]
    assert len(of_kind(events, Finished)) == 8


@pytest.mark.parametrize("id", ["toy", "toy-sd3"])
def test_drafts_take_several_passes_where_the_operator_allows_fewer_rows(
    loader: Loader, id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = drafts_on(loader, id)
    loaded, rows = loader.acquire(catalogue.get(id)), list[int]()
    assert loaded is not None
    pipeline, forward = loaded.pipeline, loaded.pipeline.forward

    def counted(arguments: Arguments) -> Tensor:
        rows.append(len(next(iter(arguments.values()))))
        return forward(arguments)

    monkeypatch.setattr(pipeline, "forward", counted)
    Optimizations(most_rows=3).apply(pipeline, GraphPool())
    chunked = drafts_on(loader, id)

    assert rows == [3, 3, 3, 3, 3, 1]
    assert relative_difference(chunked, whole) < 1e-5


def drafts_on(loader: Loader, id: str) -> Tensor:
    """The latents of eight drafts after one step."""
    request = a_request(
        checkpoint=id,
        noise_scheduler=NoiseScheduler.EULER,
        num_images=8,
        num_inference_steps=2,
        draft_steps=1,
    )
    engine = Engine(loader=loader)
    engine.submit(request, key="drafts")
    (drafted,) = of_kind(run_to_the_end(engine), Drafted)
    assert drafted.saved.run is not None
    return drafted.saved.run.latents


def test_a_run_that_never_fits_fails_alone_and_the_engine_goes_on(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    denoise = StableDiffusion.denoise

    def denoise_or_raise(pipeline: StableDiffusion, runs: Sequence[Run]) -> list[Tensor]:
        if any(run.request.seed == 0 for run in runs):
            raise torch.OutOfMemoryError(OUT_OF_MEMORY)
        return denoise(pipeline, runs)

    monkeypatch.setattr(StableDiffusion, "denoise", denoise_or_raise)
    for index in range(4):
        engine.submit(a_request(seed=index), key=str(index))
    events = run_to_the_end(engine)
    engine.submit(a_request(seed=9), key="later")
    later = run_to_the_end(engine)

    (failed,) = of_kind(events, Failed)
    assert (failed.key, failed.code) == ("0", "out_of_memory")
    assert "too large for this device" in failed.message
    assert len(of_kind(events, Finished)) == 3
    the_finished(later, key="later")


def test_a_load_that_does_not_fit_fails_its_runs_and_can_be_tried_again(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(StableDiffusion, "load", raise_out_of_memory)
        engine.submit(a_request(), key="early")
        (failed,) = of_kind(run_to_the_end(engine), Failed)

    engine.submit(a_request(), key="late")

    assert failed.code == "load"
    the_finished(run_to_the_end(engine), key="late")


@pytest.mark.parametrize(
    ("limits", "expected"),
    [([], 8 << 30), (["max\n"], 8 << 30), (["2147483648\n"], 2 << 30), (["x", "1024"], 1024)],
)
def test_the_hosts_memory_is_the_machines_or_its_containers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limits: list[str], expected: int
) -> None:
    paths = [tmp_path / str(index) for index in range(3)]
    for path, limit in zip(paths, limits, strict=False):
        path.write_text(limit)
    monkeypatch.setattr(device_memory, "_LIMITS", paths)
    sizes = {"SC_PAGE_SIZE": 4096, "SC_PHYS_PAGES": 2 << 20}
    monkeypatch.setattr(device_memory.os, "sysconf", sizes.get)

    assert device_memory.host_bytes() == expected
    assert device_memory.budget_bytes(CPU) == expected // 2
