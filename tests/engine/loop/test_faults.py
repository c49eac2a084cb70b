"""One run's failure is its own: its mates finish with the same pictures as alone."""

import math
from collections.abc import Callable, Sequence
from itertools import chain

import pytest
import torch
from torch import Tensor

from generation.engine.diffusion.conditioning import Prompting
from generation.engine.diffusion.families.sd import StableDiffusion
from generation.engine.diffusion.run import Run
from generation.engine.enums import NoiseScheduler
from generation.engine.events import Failed, Previewed
from generation.engine.loop.engine import Engine
from generation.engine.request import GenerationRequest
from tests.engine.driving import a_request, of_kind, run_to_the_end, the_finished

Denoise = Callable[[StableDiffusion, Sequence[Run]], list[Tensor]]


def a_poison() -> GenerationRequest:
    return a_request(seed=666, num_inference_steps=6)


def mates() -> list[GenerationRequest]:
    return [
        a_request(seed=1, noise_scheduler=NoiseScheduler.EULER_ANCESTRAL),
        a_request(seed=2, noise_scheduler=NoiseScheduler.HEUN, guidance_scale=0),
        a_request(seed=3, noise_scheduler=NoiseScheduler.UNIPC, num_images=2),
    ]


@pytest.fixture
def pictures_alone(engine: Engine) -> list[list[bytes]]:
    """Return the images of each mate drawn alone."""
    alone = []
    for mate in mates():
        engine.submit(mate, key="alone")
        images = the_finished(run_to_the_end(engine), key="alone").images
        alone.append([image.tobytes() for image in images])
    return alone


def run_poison_among_mates(
    engine: Engine, poison: GenerationRequest | None = None
) -> tuple[Failed, list[list[bytes]]]:
    engine.submit(poison or a_poison(), key="poison", wants_preview=lambda: False)
    for index, mate in enumerate(mates()):
        engine.submit(mate, key=str(index))
    events = run_to_the_end(engine)
    finished = [the_finished(events, key=str(index)).images for index in range(len(mates()))]
    (failed,) = of_kind(events, Failed)
    assert failed.key == "poison"
    return failed, [[image.tobytes() for image in images] for images in finished]


def assert_same(pictures: list[list[bytes]], others: list[list[bytes]]) -> None:
    """Allow one level a channel: batches of another size round differently."""
    flat, expected = (list(chain.from_iterable(runs)) for runs in (pictures, others))
    for one, other in zip(flat, expected, strict=True):
        assert max(abs(a - b) for a, b in zip(one, other, strict=True)) <= 1


def raise_at_step(step: int, error: Exception) -> Denoise:
    """Return a `denoise` that raises whenever the poisoned run is in the batch, from this step on."""
    denoise = StableDiffusion.denoise

    def denoise_or_raise(pipeline: StableDiffusion, runs: Sequence[Run]) -> list[Tensor]:
        if any(run.request == a_poison() and run.step >= step for run in runs):
            raise error
        return denoise(pipeline, runs)

    return denoise_or_raise


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (RuntimeError("broken"), "error"),
        (torch.OutOfMemoryError("CUDA out of memory"), "out_of_memory"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory"), "out_of_memory"),
        (MemoryError(), "out_of_memory"),
    ],
)
@pytest.mark.parametrize("step", [0, 2])
def test_an_error_in_the_forward_pass_fails_only_its_run(
    engine: Engine,
    pictures_alone: list[list[bytes]],
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    code: str,
    step: int,
) -> None:
    monkeypatch.setattr(StableDiffusion, "denoise", raise_at_step(step, error))

    failed, pictures = run_poison_among_mates(engine)

    assert failed.code == code
    assert len([charge for charge in failed.charges if charge.phase == "step"]) == step
    assert_same(pictures, pictures_alone)


def test_a_batch_too_large_for_the_memory_is_done_in_parts(
    engine: Engine, pictures_alone: list[list[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    denoise = StableDiffusion.denoise

    def denoise_at_most_two(pipeline: StableDiffusion, runs: Sequence[Run]) -> list[Tensor]:
        if len(runs) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return denoise(pipeline, runs)

    monkeypatch.setattr(StableDiffusion, "denoise", denoise_at_most_two)
    for index, mate in enumerate(mates()):
        engine.submit(mate, key=str(index))

    events = run_to_the_end(engine)

    finished = [the_finished(events, key=str(index)).images for index in range(len(mates()))]
    assert_same([[image.tobytes() for image in images] for images in finished], pictures_alone)


def test_an_error_of_the_noise_scheduler_fails_only_its_run(
    engine: Engine, pictures_alone: list[list[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    advance = Run.advance

    def advance_or_raise(run: Run, prediction: Tensor) -> None:
        if run.request == a_poison() and run.step == 3:
            raise IndexError("no such timestep")
        advance(run, prediction)

    monkeypatch.setattr(Run, "advance", advance_or_raise)

    failed, pictures = run_poison_among_mates(engine)

    assert (failed.code, failed.detail) == ("error", "no such timestep")
    assert_same(pictures, pictures_alone)


def test_an_error_in_encoding_fails_only_its_run(
    engine: Engine, pictures_alone: list[list[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    encode = StableDiffusion.encode

    def encode_or_raise(
        pipeline: StableDiffusion, requests: Sequence[GenerationRequest]
    ) -> list[Prompting]:
        if a_poison() in requests:
            raise ValueError("cannot be encoded")
        return encode(pipeline, requests)

    monkeypatch.setattr(StableDiffusion, "encode", encode_or_raise)

    failed, pictures = run_poison_among_mates(engine)

    assert failed.code == "error"
    assert_same(pictures, pictures_alone)


def test_a_prompt_that_the_model_cannot_read_fails_before_its_first_step(
    engine: Engine, pictures_alone: list[list[bytes]]
) -> None:
    # As a row from before weights were limited: it is not validated again.
    unlimited = {**a_poison().to_dict(), "prompt": f"a (red house:1{'0' * 60})"}

    failed, pictures = run_poison_among_mates(engine, GenerationRequest.stored(unlimited))

    assert failed.code == "prompt"
    assert [charge.phase for charge in failed.charges if charge.billed] == ["encode"]
    assert_same(pictures, pictures_alone)


@pytest.fixture
def poison_turns_to_nan(monkeypatch: pytest.MonkeyPatch) -> None:
    advance = Run.advance

    def advance_to_nan(run: Run, prediction: Tensor) -> None:
        is_poisoned = run.request == a_poison() and run.step == 1
        advance(run, prediction * math.nan if is_poisoned else prediction)

    monkeypatch.setattr(Run, "advance", advance_to_nan)


@pytest.mark.usefixtures("poison_turns_to_nan")
def test_latents_that_are_not_finite_fail_only_their_run(
    engine: Engine, pictures_alone: list[list[bytes]]
) -> None:
    failed, pictures = run_poison_among_mates(engine)

    assert failed.code == "nan"
    assert "Try another seed" in failed.message
    assert_same(pictures, pictures_alone)


@pytest.mark.usefixtures("poison_turns_to_nan")
def test_a_watched_run_fails_as_soon_as_a_preview_is_not_finite(engine: Engine) -> None:
    engine.submit(a_poison(), key="poison", wants_preview=lambda: True)

    events = run_to_the_end(engine)

    (failed,) = of_kind(events, Failed)
    assert failed.code == "nan"
    assert [preview.step for preview in of_kind(events, Previewed)] == [1]
    assert len([charge for charge in failed.charges if charge.phase == "step"]) == 2


def test_an_error_in_decoding_fails_only_its_run(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    decode = StableDiffusion.decode

    def decode_one_at_a_time(pipeline: StableDiffusion, latents: Tensor) -> Tensor:
        if len(latents) > 1:
            raise torch.OutOfMemoryError("CUDA out of memory")
        if bool((latents == poisoned).all()):
            raise RuntimeError("broken")
        return decode(pipeline, latents)

    poisoned = torch.zeros(1, 4, 16, 16)
    advance = Run.advance

    def advance_to_zero(run: Run, prediction: Tensor) -> None:
        advance(run, prediction)
        if run.request == a_poison():
            run.latents = poisoned

    engine.submit(a_request(), key="warm up")
    run_to_the_end(engine)
    monkeypatch.setattr(Run, "advance", advance_to_zero)
    monkeypatch.setattr(StableDiffusion, "decode", decode_one_at_a_time)

    failed, pictures = run_poison_among_mates(engine)

    assert failed.code == "error"
    assert [len(images) for images in pictures] == [1, 1, 2]


def test_time_lost_to_failed_tries_is_charged_to_nobody(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(StableDiffusion, "denoise", raise_at_step(0, RuntimeError("broken")))
    engine.submit(a_poison(), key="poison")
    engine.submit(mates()[0], key="mate")

    events = run_to_the_end(engine)

    ends = [*of_kind(events, Failed), the_finished(events, key="mate")]
    billed = sum(charge.us for end in ends for charge in end.charges if charge.billed)
    assert billed < engine.busy_us
