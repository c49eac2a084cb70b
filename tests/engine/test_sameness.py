"""The engine's latents equal those of diffusers' own pipeline, alone and in company."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from diffusers import StableDiffusionPipeline
from torch import Tensor

from generation.engine import noise
from generation.engine.engine import Engine, Finished, Started
from generation.engine.request import GenerationRequest, NoiseScheduler
from generation.engine.run import Run
from tests.engine.driving import a_request, run_to_the_end, steps_until, the_finished, turn

TOLERANCE = 1e-4

Reference = Callable[[GenerationRequest], Tensor]


@pytest.fixture(scope="session")
def pipelines(checkpoint_root: Path) -> dict[str, StableDiffusionPipeline]:
    loaded = {}
    for id in ("toy", "toy-v"):
        loaded[id] = StableDiffusionPipeline.from_pretrained(
            checkpoint_root / id, safety_checker=None
        )
        loaded[id].set_progress_bar_config(disable=True)
    return loaded


def call(pipeline: StableDiffusionPipeline, request: GenerationRequest, *, output_type: str):
    pipeline.scheduler = noise.build(request.noise_scheduler, config=pipeline.scheduler.config)
    return pipeline(
        request.prompt,
        negative_prompt=request.negative_prompt,
        width=request.width,
        height=request.height,
        num_inference_steps=request.num_inference_steps,
        guidance_scale=request.guidance_scale,
        num_images_per_prompt=request.num_images,
        generator=[torch.Generator().manual_seed(seed) for seed in request.seeds],
        output_type=output_type,
    ).images


@pytest.fixture
def expected(pipelines: dict[str, StableDiffusionPipeline]) -> Reference:
    """What the pipeline of diffusers gives for a request, as latents."""
    return lambda request: call(pipelines[request.checkpoint], request, output_type="latent")


@pytest.fixture
def latents(monkeypatch: pytest.MonkeyPatch) -> dict[GenerationRequest, Tensor]:
    """The latents of each request after its last step so far."""
    seen: dict[GenerationRequest, Tensor] = {}
    advance = Run.advance

    def advance_and_note(run: Run, prediction: Tensor) -> None:
        advance(run, prediction)
        seen[run.request] = run.latents

    monkeypatch.setattr(Run, "advance", advance_and_note)
    return seen


def difference(one: Tensor, other: Tensor) -> float:
    assert one.shape == other.shape
    return float((one - other).abs().max())


@pytest.mark.parametrize("checkpoint", ["toy", "toy-v"])
@pytest.mark.parametrize("noise_scheduler", NoiseScheduler)
def test_a_run_alone_equals_the_pipeline(
    engine: Engine,
    latents: dict[GenerationRequest, Tensor],
    expected: Reference,
    checkpoint: str,
    noise_scheduler: NoiseScheduler,
) -> None:
    request = a_request(
        checkpoint=checkpoint, noise_scheduler=noise_scheduler, num_inference_steps=6, num_images=2
    )

    engine.submit(request, key="run")
    the_finished(run_to_the_end(engine), key="run")

    assert difference(latents[request], expected(request)) < TOLERANCE


@pytest.mark.parametrize("noise_scheduler", NoiseScheduler)
def test_a_run_equals_the_pipeline_while_strangers_join_and_leave(
    engine: Engine,
    latents: dict[GenerationRequest, Tensor],
    expected: Reference,
    noise_scheduler: NoiseScheduler,
) -> None:
    request = a_request(noise_scheduler=noise_scheduler, num_inference_steps=8)
    before = a_request(prompt="a blue boat", seed=1, guidance_scale=1.0, num_inference_steps=20)
    beside = [
        a_request(prompt="sea", negative_prompt="sand", seed=2, noise_scheduler=other)
        for other in NoiseScheduler
    ]
    after = a_request(prompt="hills", seed=3, num_images=3, guidance_scale=9.0)

    engine.submit(before, key="before")
    steps_until(engine, Started, key="before")
    engine.submit(request, key="run")
    for index, stranger in enumerate(beside):
        engine.submit(stranger, key=f"beside {index}")
        turn(engine)
    engine.cancel("before")
    engine.submit(after, key="after")
    the_finished(run_to_the_end(engine), key="run")

    assert difference(latents[request], expected(request)) < TOLERANCE
    for stranger in (*beside, after):
        assert difference(latents[stranger], expected(stranger)) < TOLERANCE


@pytest.mark.parametrize("steps", [1, 2, 3])
@pytest.mark.parametrize("noise_scheduler", NoiseScheduler)
def test_very_few_steps_equal_the_pipeline(
    engine: Engine,
    latents: dict[GenerationRequest, Tensor],
    expected: Reference,
    noise_scheduler: NoiseScheduler,
    steps: int,
) -> None:
    request = a_request(noise_scheduler=noise_scheduler, num_inference_steps=steps)

    engine.submit(request, key="run")
    events = run_to_the_end(engine)

    the_finished(events, key="run")
    assert difference(latents[request], expected(request)) < TOLERANCE


@pytest.mark.parametrize("checkpoint", ["toy", "toy-v"])
def test_the_pictures_equal_those_of_the_pipeline(
    engine: Engine, pipelines: dict[str, StableDiffusionPipeline], checkpoint: str
) -> None:
    request = a_request(checkpoint=checkpoint, num_images=2, width=48, height=24)

    engine.submit(request, key="run")
    images = the_finished(run_to_the_end(engine), key="run").images

    expected = call(pipelines[checkpoint], request, output_type="pil")
    for image, other in zip(images, expected, strict=True):
        assert image.size == (48, 24)
        pairs = zip(image.tobytes(), other.tobytes(), strict=True)
        assert max(abs(one - two) for one, two in pairs) <= 1


@pytest.mark.parametrize("noise_scheduler", NoiseScheduler)
def test_each_picture_of_a_run_equals_its_seed_alone(
    engine: Engine, latents: dict[GenerationRequest, Tensor], noise_scheduler: NoiseScheduler
) -> None:
    together = a_request(seed=40, num_images=3, noise_scheduler=noise_scheduler)
    alone = [a_request(seed=seed, noise_scheduler=noise_scheduler) for seed in together.seeds]

    engine.submit(together, key="together")
    for request in alone:
        engine.submit(request, key=str(request.seed))
    finished = the_finished(run_to_the_end(engine), key="together")

    assert isinstance(finished, Finished) and finished.seeds == (40, 41, 42)
    for picture, request in zip(latents[together], alone, strict=True):
        assert difference(picture[None], latents[request]) < TOLERANCE


def test_a_long_prompt_is_cut_as_the_pipeline_cuts_it(
    engine: Engine, latents: dict[GenerationRequest, Tensor], expected: Reference
) -> None:
    request = a_request(prompt="a red house by the blue sea " * 8, negative_prompt="x" * 40)

    engine.submit(request, key="run")
    engine.submit(a_request(prompt="b", guidance_scale=1.0), key="short")
    the_finished(run_to_the_end(engine), key="run")

    assert difference(latents[request], expected(request)) < TOLERANCE
