"""Sizes whose latents no unet halves evenly equal diffusers' pipeline, alone and in company."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import pytest
from diffusers import AutoencoderKL, StableDiffusionPipeline, UNet2DConditionModel
from transformers import CLIPTextModel

from generation.engine.checkpoints import catalogue
from generation.engine.enums import Mode, NoiseScheduler
from generation.engine.events import Previewed
from generation.engine.loading.loader import Loader
from generation.engine.loop.batch_limit import BatchLimit
from generation.engine.loop.engine import Engine
from tests.engine import published_schedules, toy_checkpoints
from tests.engine.cases import inputs_of, request_for
from tests.engine.driving import a_request, of_kind, run_to_the_end, the_finished
from tests.engine.reference import References, Seen, relative_difference
from tests.engine.toy_checkpoints import Toy

TOLERANCE = 1e-5
# A VAE of factor 8, and a unet of four levels: 40 x 72 pixels are 5 x 9 cells, then 3 x 5, 2 x 3, 1 x 2.
DEEP = "toy-deep"
SIZE = {"width": 40, "height": 72}


def _deep() -> StableDiffusionPipeline:
    return StableDiffusionPipeline(
        tokenizer=toy_checkpoints.clip_tokenizer(),
        text_encoder=toy_checkpoints._clip(CLIPTextModel),
        unet=UNet2DConditionModel(
            sample_size=8,
            block_out_channels=(16, 16, 32, 32),
            layers_per_block=1,
            down_block_types=("CrossAttnDownBlock2D",) * 3 + ("DownBlock2D",),
            up_block_types=("UpBlock2D",) + ("CrossAttnUpBlock2D",) * 3,
            cross_attention_dim=toy_checkpoints.WIDTH,
            attention_head_dim=4,
            norm_num_groups=8,
        ),
        vae=AutoencoderKL(
            block_out_channels=(8, 8, 8, 8),
            down_block_types=("DownEncoderBlock2D",) * 4,
            up_block_types=("UpDecoderBlock2D",) * 4,
            norm_num_groups=4,
            sample_size=32,
            latent_channels=4,
        ),
        scheduler=published_schedules.scheduler(published_schedules.SD1),
        **toy_checkpoints._NO_SAFETY,
    )


TOYS = {
    DEEP: Toy(replace(toy_checkpoints.toy(), id=DEEP, name="Deep"), _deep),
    "toy-patched": Toy(
        replace(toy_checkpoints.toy("toy-sd3"), id="toy-patched", multiple=4),
        toy_checkpoints._sd3,
    ),
}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("deep")
    for id, toy in TOYS.items():
        toy_checkpoints.write(toy, root / id)
    return root


@pytest.fixture(autouse=True)
def in_the_catalogue(monkeypatch: pytest.MonkeyPatch) -> None:
    own = {id: toy.checkpoint for id, toy in TOYS.items()}
    monkeypatch.setattr(
        catalogue, "CHECKPOINTS", MappingProxyType({**toy_checkpoints.with_toys(), **own})
    )


@pytest.fixture
def engine(root: Path) -> Iterator[Engine]:
    loader = Loader(root)
    yield Engine(loader=loader, batch_limit=BatchLimit(initial=16), preview_interval=0.0)
    loader.close()


@pytest.mark.parametrize(
    ("id", "mode", "size"),
    [
        (DEEP, Mode.TEXT_TO_IMAGE, SIZE),
        (DEEP, Mode.INPAINT, SIZE),
        (DEEP, Mode.IMAGE_TO_IMAGE, {"width": 104, "height": 16}),
        ("toy-patched", Mode.TEXT_TO_IMAGE, {"width": 36, "height": 20}),
    ],
    ids=str,
)
def test_odd_latents_equal_the_pipeline_alone_and_beside_others(
    engine: Engine, root: Path, monkeypatch: pytest.MonkeyPatch, id: str, mode: Mode, size
) -> None:
    seen, references = Seen(), References(root)
    seen.install(monkeypatch.setattr)
    requests = [
        request_for(id, mode, NoiseScheduler.EULER, {"strength": 0.6}, **size, **own)
        for own in (
            {"seed": 1},
            {"seed": 2, "guidance_scale": 1.0, "num_images": 2},
            {"seed": 3, "prompt": "a blue sea", "num_inference_steps": 3},
        )
    ]

    for request in requests:
        engine.submit(request, key=str(request.seed), inputs=inputs_of(request))
    events = run_to_the_end(engine)

    assert engine.stats.rows > engine.stats.steps * 2
    for request in requests:
        the_finished(events, key=str(request.seed))
        expected = references.latents(request, inputs_of(request))
        assert relative_difference(seen.latents[request], expected) < TOLERANCE


def test_previews_and_pictures_have_the_shape_that_was_asked_for(engine: Engine) -> None:
    engine.submit(a_request(checkpoint=DEEP, **SIZE), key="run", wants_preview=lambda: True)

    events = run_to_the_end(engine)

    (image,) = the_finished(events, key="run").images
    assert image.size == (40, 72)
    previews = of_kind(events, Previewed, key="run")
    assert previews
    for event in previews:
        assert event.image.width / event.image.height == pytest.approx(40 / 72, rel=0.02)
