"""The engine's latents equal those of diffusers' own pipelines, alone and in company."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path

import pytest
import torch
from diffusers import LatentConsistencyModelPipeline
from torch import Tensor

from generation.engine.enums import Mode, NoiseScheduler
from generation.engine.events import Finished
from generation.engine.loading.loader import Loader
from generation.engine.loop.batch_limit import BatchLimit
from generation.engine.loop.engine import Engine
from generation.engine.request import GenerationRequest
from tests.engine.cases import all_cases, inputs_of, name_of, request_for, schedulers_of
from tests.engine.driving import a_request, run_to_the_end, the_finished, turn
from tests.engine.reference import References, relative_difference
from tests.engine.toy_checkpoints import TOYS

# The pipeline for depth asks for an autocast that single precision has no use for.
pytestmark = [
    pytest.mark.filterwarnings("ignore:In CPU autocast:UserWarning"),
    # diffusers' own noise for DPM++ SDE leaves its range by a rounding error.
    pytest.mark.filterwarnings("ignore:Should have t[ab]:UserWarning"),
]
# A share of the largest latent: guidance makes all of them larger.
TOLERANCE = 1e-5
CASES = list(all_cases())


@pytest.fixture(scope="session")
def references(checkpoint_root: Path) -> References:
    return References(checkpoint_root)


@pytest.fixture(scope="session")
def expected(references: References):
    """Return the latents of diffusers' own pipeline for a request."""
    return cache(lambda request: references.latents(request, inputs_of(request)))


@pytest.fixture
def engine(warm_loader: Loader) -> Engine:
    return Engine(loader=warm_loader, batch_limit=BatchLimit(initial=16))


def submit(engine: Engine, request: GenerationRequest, *, key: str) -> None:
    engine.submit(request, key=key, inputs=inputs_of(request))


@pytest.mark.parametrize(("id", "mode", "noise_scheduler", "variant"), CASES, ids=name_of)
def test_a_run_alone_equals_the_pipeline(
    engine: Engine,
    latents: dict[GenerationRequest, Tensor],
    expected,
    id: str,
    mode: Mode,
    noise_scheduler: NoiseScheduler,
    variant: Mapping[str, object],
) -> None:
    request = request_for(id, mode, noise_scheduler, variant)

    submit(engine, request, key="run")
    the_finished(run_to_the_end(engine), key="run")

    assert relative_difference(latents[request], expected(request)) < TOLERANCE


def strangers(id: str) -> list[GenerationRequest]:
    """One request for each case of a checkpoint, all with other prompts, step counts and guidance."""
    own = [case for case in CASES if case[0] == id]
    return [
        request_for(
            *case,
            prompt="abcdefghij"[: 1 + index % 10],
            negative_prompt=("", "sand")[index % 2],
            num_inference_steps=4 + index % 4,
            guidance_scale=(0.0, 1.0, 3.0, 5.0)[index % 4],
            seed=100 + index,
            num_images=1 + index % 2,
        )
        for index, case in enumerate(own)
    ]


@pytest.mark.parametrize("id", TOYS)
def test_runs_equal_the_pipeline_while_all_others_join_and_leave(
    engine: Engine, latents: dict[GenerationRequest, Tensor], expected, id: str
) -> None:
    requests = strangers(id)

    submit(engine, a_request(checkpoint="toy", num_inference_steps=50), key="canceled")
    events = []
    for index, request in enumerate(requests):
        submit(engine, request, key=str(index))
        events += turn(engine)
    engine.cancel("canceled")
    events += run_to_the_end(engine)

    for index, request in enumerate(requests):
        the_finished(events, key=str(index))
        assert relative_difference(latents[request], expected(request)) < TOLERANCE


@pytest.mark.parametrize("id", ["toy", "toy-xl", "toy-sd3"])
def test_runs_of_other_modes_share_their_steps(engine: Engine, id: str) -> None:
    for mode in (Mode.TEXT_TO_IMAGE, Mode.IMAGE_TO_IMAGE, Mode.INPAINT):
        request = request_for(id, mode, schedulers_of(TOYS[id].checkpoint)[0], {})
        submit(engine, request, key=mode)

    run_to_the_end(engine)

    assert engine.stats.rows > engine.stats.steps * 2


@pytest.mark.parametrize("steps", [1, 2, 3])
@pytest.mark.parametrize("noise_scheduler", NoiseScheduler)
def test_very_few_steps_equal_the_pipeline(
    engine: Engine,
    latents: dict[GenerationRequest, Tensor],
    expected,
    noise_scheduler: NoiseScheduler,
    steps: int,
) -> None:
    request = a_request(noise_scheduler=noise_scheduler, num_inference_steps=steps)

    submit(engine, request, key="run")
    events = run_to_the_end(engine)

    the_finished(events, key="run")
    assert relative_difference(latents[request], expected(request)) < TOLERANCE


def test_a_latent_consistency_model_equals_its_own_pipeline(
    engine: Engine, latents: dict[GenerationRequest, Tensor], checkpoint_root: Path
) -> None:
    pipeline = LatentConsistencyModelPipeline.from_pretrained(checkpoint_root / "toy-lcm")
    pipeline.set_progress_bar_config(disable=True)
    requests = [
        a_request(
            checkpoint="toy-lcm",
            noise_scheduler=NoiseScheduler.LCM,
            guidance_scale=guidance,
            num_inference_steps=steps,
            seed=seed,
        )
        for seed, (guidance, steps) in enumerate([(8.0, 4), (1.0, 4), (30.0, 2)])
    ]

    for request in requests:
        submit(engine, request, key=str(request.seed))
    run_to_the_end(engine)

    for request in requests:
        expected = pipeline(
            prompt=request.prompt,
            width=request.width,
            height=request.height,
            guidance_scale=request.guidance_scale,
            num_inference_steps=request.num_inference_steps,
            generator=torch.Generator().manual_seed(request.seed),
            output_type="latent",
        ).images
        assert relative_difference(latents[request], expected) < TOLERANCE


@pytest.mark.parametrize("id", ["toy", "toy-v", "toy-xl", "toy-sd3"])
def test_the_pictures_equal_those_of_the_pipeline(
    engine: Engine, references: References, id: str
) -> None:
    noise_scheduler = schedulers_of(TOYS[id].checkpoint)[0]
    request = a_request(
        checkpoint=id, noise_scheduler=noise_scheduler, num_images=2, width=48, height=24
    )

    engine.submit(request, key="run")
    images = the_finished(run_to_the_end(engine), key="run").images

    for image, other in zip(images, references.pictures(request, {}), strict=True):
        assert image.size == (48, 24)
        pairs = zip(image.tobytes(), other.tobytes(), strict=True)
        assert max(abs(one - two) for one, two in pairs) <= 1


@pytest.mark.parametrize("mode", [Mode.TEXT_TO_IMAGE, Mode.IMAGE_TO_IMAGE, Mode.INPAINT])
@pytest.mark.parametrize(
    "noise_scheduler", [each for each in NoiseScheduler if each is not NoiseScheduler.LMS]
)
def test_each_picture_of_a_run_equals_its_seed_alone(
    engine: Engine,
    latents: dict[GenerationRequest, Tensor],
    noise_scheduler: NoiseScheduler,
    mode: Mode,
) -> None:
    together = request_for("toy", mode, noise_scheduler, {}, seed=40, num_images=3)
    alone = [request_for("toy", mode, noise_scheduler, {}, seed=seed) for seed in together.seeds]

    submit(engine, together, key="together")
    for request in alone:
        submit(engine, request, key=str(request.seed))
    finished = the_finished(run_to_the_end(engine), key="together")

    assert isinstance(finished, Finished) and finished.seeds == (40, 41, 42)
    for picture, request in zip(latents[together], alone, strict=True):
        assert relative_difference(picture[None], latents[request]) < TOLERANCE
