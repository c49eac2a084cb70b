"""A kept state, or one image's part of it, leads to the image that the undisturbed run would have given."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from torch import Tensor

from generation.engine.enums import Mode, NoiseScheduler
from generation.engine.events import Stepped, Suspended
from generation.engine.loading.loader import Loader
from generation.engine.loop.batch_limit import BatchLimit
from generation.engine.loop.engine import Engine
from generation.engine.request import GenerationRequest
from generation.engine.saved_run import SavedRun
from tests.engine.cases import digest, inputs_of
from tests.engine.driving import a_request, run_to_the_end, steps_of, steps_until, the_finished
from tests.engine.reference import Seen, relative_difference

TOLERANCE = 1e-5
STEPS = 4


@pytest.fixture(scope="module")
def warm_loader(checkpoint_root: Path) -> Iterator[Loader]:
    loader = Loader(checkpoint_root)
    yield loader
    loader.close()


@pytest.fixture
def latents(monkeypatch: pytest.MonkeyPatch) -> dict[GenerationRequest, Tensor]:
    """The latents of each request after its last step so far."""
    seen = Seen()
    seen.install(monkeypatch.setattr)
    return seen.latents


def an_engine(loader: Loader, **options: Any) -> Engine:
    return Engine(loader=loader, batch_limit=BatchLimit(initial=16), **options)


def submit(engine: Engine, request: GenerationRequest, *, key: str = "run", **options: Any) -> None:
    engine.submit(request, key=key, inputs=inputs_of(request), **options)


def suspended_after(loader: Loader, request: GenerationRequest, step: int) -> SavedRun:
    engine = an_engine(loader)
    submit(engine, request)
    while steps_until(engine, Stepped, key="run").step < step:
        pass
    engine.suspend("run")
    saved = steps_until(engine, Suspended, key="run").saved
    assert saved is not None
    return saved


INPAINT = {"image": digest("image"), "mask": digest("mask"), "mode": Mode.INPAINT}
CASES: tuple[dict[str, Any], ...] = (
    *({"noise_scheduler": each} for each in NoiseScheduler),
    {"checkpoint": "toy-sd3", "noise_scheduler": "euler"},
    {"checkpoint": "toy-sd3", "noise_scheduler": "heun"},
    {"noise_scheduler": "unipc", "image": digest("image"), "mode": Mode.IMAGE_TO_IMAGE},
    {"noise_scheduler": "euler_ancestral", **INPAINT},
    {"checkpoint": "toy-xl", "refiner_share": 0.5, "noise_scheduler": "dpmpp_2m"},
)
EACH_CASE = pytest.mark.parametrize(
    "settings", CASES, ids=lambda each: " ".join(str(value)[:16] for value in each.values())
)


@EACH_CASE
def test_an_image_is_finished_alone_from_its_part_of_a_state(
    warm_loader: Loader, latents: dict[GenerationRequest, Tensor], settings: dict[str, Any]
) -> None:
    request = a_request(num_inference_steps=STEPS + 1, num_images=3, **settings)
    engine = an_engine(warm_loader)
    submit(engine, request)
    run_to_the_end(engine)
    whole = latents[request]

    for step in (2, 3):
        saved = suspended_after(warm_loader, request, step)
        for index in range(request.num_images):
            submit(engine, request.alone(index), saved=saved.alone(index), key=str(index))
            events = run_to_the_end(engine)

            assert steps_of(events, key=str(index)) == [*range(step + 1, request.evaluations + 1)]
            own = latents[request.alone(index)]
            assert relative_difference(own, whole[index : index + 1]) < TOLERANCE
            assert len(the_finished(events, key=str(index)).images) == 1


def test_the_part_of_an_image_has_no_charges_and_no_memory_of_the_others(
    warm_loader: Loader,
) -> None:
    request = a_request(num_images=3, noise_scheduler="lms")

    part = suspended_after(warm_loader, request, 2).alone(1)

    assert part.charges == ()
    assert part.run is not None
    derivatives = part.run.schedule["derivatives"]
    assert isinstance(derivatives, list)
    for tensor in (part.run.latents, *derivatives):
        assert len(tensor) == 1
        assert tensor.untyped_storage().nbytes() == tensor.nbytes
