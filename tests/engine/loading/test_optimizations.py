"""Optimizations change the speed of a checkpoint and no image."""

from collections.abc import Iterator
from functools import partialmethod
from pathlib import Path

import pytest
import torch
from diffusers import AutoencoderKL, StableDiffusionPipeline, UNet2DConditionModel
from torch._dynamo.utils import counters

from generation.engine.checkpoints import catalogue
from generation.engine.diffusion.cuda_graphs import GraphedModel, GraphPool
from generation.engine.enums import Family
from generation.engine.events import Finished
from generation.engine.loading.loader import Loader
from generation.engine.loading.optimizations import Attention, Optimizations, compile_blocks
from generation.engine.loop.engine import Engine
from generation.engine.request import GenerationRequest
from tests.engine import toy_checkpoints
from tests.engine.driving import a_request, of_kind, run_to_the_end, the_finished
from tests.engine.loading.test_loader import load
from tests.engine.reference import Seen, difference

TOLERANCE = 1e-4


@pytest.fixture
def latents(monkeypatch: pytest.MonkeyPatch) -> dict[GenerationRequest, torch.Tensor]:
    seen = Seen()
    seen.install(monkeypatch.setattr)
    return seen.latents


@pytest.fixture
def run(checkpoint_root: Path, latents) -> Iterator[object]:
    """Run a request with a optimizations; returns its latents."""

    def run(
        request: GenerationRequest, optimizations: Optimizations, *, root: Path = checkpoint_root
    ) -> torch.Tensor:
        loader = Loader(root, optimizations=optimizations)
        engine = Engine(loader=loader)
        engine.submit(request, key="run")
        the_finished(run_to_the_end(engine), key="run")
        loader.close()
        return latents.pop(request)

    return run


@pytest.mark.parametrize("checkpoint", ["toy", "toy-xl"])
@pytest.mark.parametrize(
    "optimizations",
    [Optimizations(channels_last=True), Optimizations(attention=Attention.PLAIN)],
    ids=["channels_last", "plain attention"],
)
def test_a_setting_changes_nothing_but_the_speed(
    run, checkpoint: str, optimizations: Optimizations
) -> None:
    request = a_request(checkpoint=checkpoint)

    assert difference(run(request, optimizations), run(request, Optimizations())) < TOLERANCE


@pytest.fixture
def uniform_root(checkpoint_root: Path, tmp_path: Path) -> Path:
    """A toy whose blocks hardly differ: a compiler takes seconds for each shape of them.

    Its channels are as many as no picture here has cells, which a compiler would take for one number.
    """
    pipeline = StableDiffusionPipeline.from_pretrained(checkpoint_root / "toy")
    torch.manual_seed(0)
    pipeline.unet = UNet2DConditionModel.from_config(
        pipeline.unet.config,
        block_out_channels=(40,),
        down_block_types=("CrossAttnDownBlock2D",),
        up_block_types=("CrossAttnUpBlock2D",),
    )
    pipeline.vae = AutoencoderKL.from_config(pipeline.vae.config, block_out_channels=(20, 20))
    pipeline.save_pretrained(tmp_path / "toy")
    return tmp_path


@pytest.mark.slow
@pytest.mark.filterwarnings("default")  # torch's compiler uses what torch has deprecated
def test_a_compiled_block_computes_the_same(loader: Loader) -> None:
    """One block: code for each shape of weights takes seconds."""
    denoiser = load(loader, "toy").pipeline.denoiser
    block = denoiser.mid_block.resnets[0]
    inputs = (
        torch.randn(2, block.in_channels, 5, 3),
        torch.randn(2, block.time_emb_proj.in_features),
    )
    before = compiled_graphs()

    with torch.inference_mode():
        plain = block(*inputs)
        compile_blocks(block)
        compiled = block(*inputs)

    assert compiled_graphs() == before + 1
    assert difference(compiled, plain) < TOLERANCE


@pytest.fixture
def without_code_generation(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trace blocks as usual, and run their graphs one operation at a time.

    Tracing decides when a block needs another version. Generating code takes ten times as long.
    """
    compile_block = torch.nn.Module.compile
    monkeypatch.setattr(
        torch.nn.Module, "compile", partialmethod(compile_block, backend="aot_eager")
    )


@pytest.mark.filterwarnings("default")
@pytest.mark.usefixtures("without_code_generation")
def test_compiling_changes_nothing_but_the_speed_and_is_done_with_the_load(
    run, latents, uniform_root: Path
) -> None:
    request, unguided = a_request(), a_request(guidance_scale=1.0)
    # No larger: torch convolves another way then, on a processor, which is another version.
    wide, high = a_request(width=40, height=24), a_request(width=24, height=40)
    longer = a_request(prompt="a red house " * 50)
    plain = run(request, Optimizations(), root=uniform_root)
    loader = Loader(uniform_root, optimizations=Optimizations(compiled=True))
    engine = Engine(loader=loader)
    before = compiled_graphs()

    load(loader, request.checkpoint, within_s=600)  # a compiler's minutes on a busy machine
    loaded = compiled_graphs()
    for requests in ([wide, high], [longer], [unguided], [request, unguided, longer]):
        for number, each in enumerate(requests):
            engine.submit(each, key=f"run {number}")
        assert len(of_kind(run_to_the_end(engine), Finished)) == len(requests)
    loader.close()

    assert loaded > before
    assert compiled_graphs() == loaded
    assert difference(latents.pop(request), plain) < TOLERANCE


def compiled_graphs() -> int:
    """Return the number of graphs that this process has compiled."""
    return counters["stats"]["unique_graphs"]


@pytest.mark.parametrize("family", Family)
def test_a_cpu_computes_in_single_precision(family: Family) -> None:
    assert Optimizations().dtype(family, torch.device("cpu")) is torch.float32


def test_a_precision_that_is_named_is_used(checkpoint_root: Path) -> None:
    loader = Loader(checkpoint_root, optimizations=Optimizations(precision="bfloat16"))
    engine = Engine(loader=loader)
    engine.submit(a_request(), key="run")

    the_finished(run_to_the_end(engine), key="run")

    loaded = loader.acquire(catalogue.get(toy_checkpoints.toy().id))
    assert loaded is not None and loaded.pipeline.denoiser.dtype is torch.bfloat16
    loader.close()


@pytest.mark.parametrize(
    ("family", "dtype"),
    [
        (Family.SD1, torch.float16),
        (Family.SD2, torch.bfloat16),
        (Family.SDXL, torch.bfloat16),
        (Family.SD3, torch.bfloat16),
    ],
)
def test_a_gpu_computes_in_the_half_precision_that_holds_the_familys_range(
    family: Family, dtype: torch.dtype
) -> None:
    assert Optimizations().dtype(family, torch.device("cuda")) is dtype


@pytest.mark.parametrize("device", ["cpu", "cuda", "mps"])
def test_a_precision_that_is_named_holds_on_every_device(device: str) -> None:
    named = Optimizations(precision="float16")

    assert named.dtype(Family.SD3, torch.device(device)) is torch.float16


def test_an_apple_device_computes_in_single_precision() -> None:
    assert Optimizations().dtype(Family.SDXL, torch.device("mps")) is torch.float32


def test_a_processor_has_no_graphs(loader: Loader) -> None:
    assert not isinstance(load(loader, "toy").pipeline.forward, GraphedModel)


@pytest.mark.parametrize(("cuda_graphs", "wrapped"), [(True, True), (False, False)])
def test_a_gpu_has_graphs_unless_they_are_off(
    loader: Loader, cuda_graphs: bool, wrapped: bool
) -> None:
    pipeline = load(loader, "toy").pipeline
    pipeline.device = torch.device("cuda")

    Optimizations(cuda_graphs=cuda_graphs).apply(pipeline, GraphPool())

    assert isinstance(pipeline.forward, GraphedModel) is wrapped
