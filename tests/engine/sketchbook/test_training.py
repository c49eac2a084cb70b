import signal

import pytest
import torch
from diffusers import (
    StableDiffusionImg2ImgPipeline,
    StableDiffusionInpaintPipeline,
    StableDiffusionPipeline,
)
from PIL import Image

from generation.engine.sketchbook import captions, train
from generation.engine.sketchbook.stage import Stage

SMALL = [
    "--scenes=16",
    # As all tests: torch keeps the number for those that follow.
    "--threads=1",
    "--vae-steps=2",
    "--text-steps=2",
    "--judge-steps=2",
    "--unet-steps=2",
    "--prompts=2",
]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A state folder and a checkpoint folder that a miniature run of all stages made."""
    state, output = tmp_path_factory.mktemp("state"), tmp_path_factory.mktemp("checkpoint")
    train.main([*SMALL, f"--state={state}", f"--output={output}"])
    return state, output


def test_every_stage_leaves_its_state(trained):
    state, _ = trained

    made = {path.name for path in state.iterdir()}

    assert made == {
        "pictures.npy",
        "vae.pt",
        "latents.npy",
        "tokenizer",
        "text.pt",
        "judge.pt",
        "unet.pt",
    }


def test_the_card_states_the_scores_and_shows_a_grid(trained):
    _, output = trained

    card = (output / "README.md").read_text()

    assert "| English |" in card
    assert "| Chinese |" in card
    with Image.open(output / "samples.png") as grid:
        assert grid.width == 1024


def test_running_again_trains_nothing_that_is_done(trained):
    state, output = trained
    before = {path: path.read_bytes() for path in state.glob("*.pt")}

    train.main(
        [
            *SMALL,
            f"--state={state}",
            f"--output={output}",
            "--stages=draw,vae,encode,text,judge,unet",
        ]
    )

    assert {path: path.read_bytes() for path in state.glob("*.pt")} == before


def test_an_unmodified_pipeline_draws_from_the_folder(trained):
    _, output = trained
    pipeline = StableDiffusionPipeline.from_pretrained(output)
    pipeline.set_progress_bar_config(disable=True)

    picture = pipeline(
        "a red house", num_inference_steps=2, generator=torch.Generator().manual_seed(1)
    ).images[0]

    assert picture.size == (256, 256)


def test_unmodified_image_to_image_and_inpainting_draw_from_the_folder(trained):
    _, output = trained
    source = Image.new("RGB", (256, 256), "navy")

    repainted = StableDiffusionImg2ImgPipeline.from_pretrained(output)(
        "night", image=source, strength=0.5, num_inference_steps=4
    )
    filled = StableDiffusionInpaintPipeline.from_pretrained(output)(
        "a cat",
        image=source,
        mask_image=Image.new("L", (256, 256), 255),
        height=256,
        width=256,
        num_inference_steps=2,
    )

    assert repainted.images[0].size == (256, 256)
    assert filled.images[0].size == (256, 256)


def test_the_weights_are_stored_in_half_precision_and_load_in_single(trained):
    _, output = trained
    pipeline = StableDiffusionPipeline.from_pretrained(output)

    assert pipeline.text_encoder.dtype == pipeline.unet.dtype == pipeline.vae.dtype == torch.float32
    assert sum(path.stat().st_size for path in output.rglob("*.safetensors")) < 20e6


def _line_fit(path, *, interrupt_at=None, steps=12):
    """Fit a line from noisy batches, perhaps with a SIGTERM on the way."""
    torch.manual_seed(0)
    model = torch.nn.Linear(3, 1)
    stage = Stage("line", path, {"model": model}, torch.optim.AdamW(model.parameters(), lr=0.1))

    def loss(step, generator):
        if step == interrupt_at:
            signal.raise_signal(signal.SIGTERM)
        points = torch.randn(8, 3, generator=generator)
        return (model(points) - points.sum(1, keepdim=True)).square().mean()

    stage.run(steps, loss)
    return stage, model


def test_an_interrupted_stage_resumes_to_the_same_weights_and_losses(tmp_path):
    straight, expected = _line_fit(tmp_path / "straight.pt")
    with pytest.raises(KeyboardInterrupt):
        _line_fit(tmp_path / "broken.pt", interrupt_at=5)

    resumed, model = _line_fit(tmp_path / "broken.pt")

    assert resumed.step == straight.step == 12
    assert resumed.mean_loss() == straight.mean_loss()
    assert torch.equal(model.weight, expected.weight)


def test_an_interrupted_unet_resumes_to_the_same_weights_and_losses(trained, tmp_path, monkeypatch):
    state, output = trained
    for name in ("pictures.npy", "vae.pt", "latents.npy", "text.pt", "tokenizer"):
        (tmp_path / name).symlink_to(state / name)
    command = [*SMALL, f"--state={tmp_path}", f"--output={output}", "--stages=unet"]
    any_caption = captions.any_caption

    def interrupted(scene, rng):
        signal.raise_signal(signal.SIGTERM)
        return any_caption(scene, rng)

    monkeypatch.setattr(captions, "any_caption", interrupted)
    with pytest.raises(KeyboardInterrupt):
        train.main(command)
    monkeypatch.undo()
    train.main(command)

    straight, resumed = (
        torch.load(folder / "unet.pt", weights_only=True) for folder in (state, tmp_path)
    )
    assert resumed["sum"] == straight["sum"]
    for name, weight in straight["parts"]["unet"].items():
        assert torch.equal(resumed["parts"]["unet"][name], weight)
