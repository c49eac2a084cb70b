"""Settings that most people leave alone: what they do, alone and in steps shared with strangers."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import diffusers
import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from generation.engine.enums import MaskFill, Mode, NoiseScheduler
from generation.engine.loop.engine import Engine
from generation.engine.request import GenerationRequest, canvas
from tests.engine.cases import inputs_of, picture, request_for
from tests.engine.driving import a_request, run_to_the_end, the_finished
from tests.engine.reference import References, Seen, relative_difference

TOLERANCE = 1e-5


@pytest.fixture(scope="session")
def references(checkpoint_root: Path) -> References:
    return References(checkpoint_root)


@pytest.fixture
def latents(monkeypatch: pytest.MonkeyPatch) -> dict[GenerationRequest, Tensor]:
    """The latents of each request after its last step so far."""
    seen = Seen()
    seen.install(monkeypatch.setattr)
    return seen.latents


def strangers(request: GenerationRequest) -> list[GenerationRequest]:
    """Others who share the request's steps, with its prompt or another, and none of its settings."""
    if request.checkpoint == "toy-inpaint":
        return []
    common = {"checkpoint": request.checkpoint, "noise_scheduler": request.noise_scheduler}
    return [
        a_request(**common, prompt=request.prompt, seed=50, num_inference_steps=6),
        a_request(**common, prompt="a (sea:1.3)", seed=51, guidance_scale=1.0, num_images=2),
        a_request(**common, prompt="[x|y]", negative_prompt="[:fog:2]", seed=52),
    ]


def run_all(engine: Engine, requests: list[GenerationRequest], inputs: Mapping[str, Any]) -> None:
    for index, request in enumerate(requests):
        own = {name: each for name, each in inputs.items() if getattr(request, name)}
        engine.submit(request, key=str(index), inputs=own)
    events = run_to_the_end(engine)
    for index in range(len(requests)):
        the_finished(events, key=str(index))


def assert_same(one: Tensor, other: Tensor) -> None:
    assert relative_difference(one, other) < TOLERANCE


@pytest.mark.parametrize(
    ("clip_skip", "negative"), [(1, ""), (2, ""), (2, "fog"), (3, ""), (3, "fog")]
)
@pytest.mark.parametrize("id", ["toy", "toy-sd2", "toy-xl", "toy-sd3"])
def test_clip_skip_equals_the_pipeline_and_leaks_into_no_other_row(
    engine: Engine, references: References, latents, id: str, clip_skip: int, negative: str
) -> None:
    # Euler's first sigma is in the thousands if the signal-to-noise ratio ends at zero.
    scheduler = NoiseScheduler.DDIM if id == "toy-sd2" else NoiseScheduler.EULER
    request = a_request(
        checkpoint=id, noise_scheduler=scheduler, clip_skip=clip_skip, negative_prompt=negative
    )
    others = strangers(request)

    run_all(engine, [request, *others], {})
    together = dict(latents)

    assert engine.stats.rows > engine.stats.steps * 4
    assert_same(together[request], references.latents(request, {}))
    for other in others:
        run_all(engine, [other], {})
        assert_same(together[other], latents[other])


def test_more_layers_than_the_text_encoder_has_are_refused() -> None:
    with pytest.raises(ValueError, match="clip_skip: Choose a number from 1 to 3"):
        a_request(clip_skip=4)


@pytest.mark.parametrize("id", ["toy", "toy-v"])
def test_eta_of_ddim_equals_the_pipeline(
    engine: Engine, references: References, latents, id: str
) -> None:
    request = a_request(checkpoint=id, eta=0.7, num_images=2)

    run_all(engine, [request, *strangers(request)], {})

    assert_same(latents[request], references.latents(request, {}))


def ancestral_step(sample: Tensor, clean: Tensor, sigmas: Tensor, noise: Tensor, eta: float):
    """One step of k-diffusion's Euler ancestral."""
    now, then = sigmas
    up = min(then, eta * (then**2 * (now**2 - then**2) / now**2) ** 0.5)
    down = (then**2 - up**2) ** 0.5
    return sample + (sample - clean) / now * (down - now) + noise * up


@pytest.mark.parametrize("id", ["toy", "toy-v"])
@pytest.mark.parametrize("eta", [0.0, 0.6, 1.0])
def test_eta_of_euler_ancestral_is_its_share_of_fresh_noise(
    engine: Engine, references: References, latents, monkeypatch, id: str, eta: float
) -> None:
    scheduler = NoiseScheduler.EULER_ANCESTRAL
    request = a_request(checkpoint=id, noise_scheduler=scheduler, eta=eta)

    def step(self, output, timestep, sample, generator=None, return_dict=True):
        if self.step_index is None:
            self._init_step_index(timestep)
        sigma = self.sigmas[self.step_index]
        if self.config.prediction_type == "v_prediction":
            clean = sample / (sigma**2 + 1) - output * sigma / (sigma**2 + 1) ** 0.5
        else:
            clean = sample - sigma * output
        pair = self.sigmas[self.step_index : self.step_index + 2]
        noise = torch.randn(sample.shape, generator=generator)
        self._step_index += 1
        return (ancestral_step(sample, clean, pair, noise, eta),)

    run_all(engine, [request, *strangers(request)], {})
    own = latents[request]
    monkeypatch.setattr(diffusers.EulerAncestralDiscreteScheduler, "step", step)

    plain = a_request(checkpoint=id, noise_scheduler=scheduler)
    assert_same(own, references.latents(plain, {}))


def test_eta_is_refused_where_it_means_nothing() -> None:
    with pytest.raises(ValueError, match="eta: Eta works with DDIM and Euler ancestral alone"):
        a_request(noise_scheduler=NoiseScheduler.DPMPP_2M, eta=0.5)


def mixed(seed: int, subseed: int, share: float, shape: tuple[int, ...]) -> Tensor:
    """Noise between that of two seeds, column by column, as the web UI mixes it."""
    low, high = (
        torch.randn(shape, generator=torch.Generator().manual_seed(each)).double()
        for each in (seed, subseed)
    )
    made = torch.empty_like(low)
    for _, channel, column in np.ndindex(1, shape[1], shape[3]):
        one, two = low[0, channel, :, column], high[0, channel, :, column]
        omega = torch.arccos(one @ two / one.norm() / two.norm())
        made[0, channel, :, column] = (
            torch.sin((1 - share) * omega) * one + torch.sin(share * omega) * two
        ) / torch.sin(omega)
    return made.float()


@pytest.mark.parametrize("id", ["toy", "toy-sd3"])
def test_a_subseed_moves_the_noise_of_each_image(
    engine: Engine, references: References, latents, id: str
) -> None:
    request = a_request(
        checkpoint=id,
        noise_scheduler=NoiseScheduler.EULER,
        seed=3,
        subseed=90,
        subseed_strength=0.3,
        num_images=2,
    )
    pipeline, _config = references._pipeline(id, Mode.TEXT_TO_IMAGE)
    channels = 16 if id == "toy-sd3" else 4

    run_all(engine, [request, *strangers(request)], {})

    assert request.seeds == (3, 3) and request.subseeds == (90, 91)
    for index, subseed in enumerate(request.subseeds):
        noise = mixed(3, subseed, 0.3, (1, channels, 16, 16))
        plain = a_request(checkpoint=id, noise_scheduler=NoiseScheduler.EULER, seed=3)
        prepared = references._prepared(id, Mode.TEXT_TO_IMAGE, plain)
        assert prepared is pipeline
        arguments = references._common(plain, seed=3) | {"width": 32, "height": 32}
        made = pipeline(**arguments, latents=noise, output_type="latent").images
        assert_same(latents[request][index : index + 1], made)
        assert request.alone(index).subseeds == (subseed,)


def test_a_strength_of_one_is_the_subseeds_own_noise(engine: Engine, latents) -> None:
    varied = a_request(seed=3, subseed=90, subseed_strength=1.0)
    other = a_request(seed=90)

    run_all(engine, [varied, other], {})

    assert_same(latents[varied], latents[other])


@pytest.mark.parametrize(
    ("id", "scheduler"),
    [("toy", "euler"), ("toy", "heun"), ("toy", "pndm"), ("toy-xl", "euler"), ("toy-sd3", "heun")],
)
def test_a_prompt_that_changes_is_read_anew_at_its_step(
    engine: Engine, references: References, latents, id: str, scheduler: str
) -> None:
    request = a_request(
        checkpoint=id,
        noise_scheduler=NoiseScheduler(scheduler),
        prompt="[red|a blue] [house:sea:0.5]",
        negative_prompt="[fog::1]x",
    )
    assert len(set(request.texts_by_step)) == 4
    others = strangers(request)
    plain = a_request(checkpoint=id, noise_scheduler=NoiseScheduler(scheduler), seed=request.seed)

    run_all(engine, [request, *others], {})
    together = dict(latents)

    assert_same(together[request], _prompted(references, plain, request))
    for other in others:
        run_all(engine, [other], {})
        assert_same(together[other], latents[other])


def _prompted(references: References, plain: GenerationRequest, request: GenerationRequest):
    """The pipeline's latents if its denoiser is told the prompts of the step that it is at."""
    pipeline = references._prepared(plain.checkpoint, Mode.TEXT_TO_IMAGE, plain)
    denoiser = getattr(pipeline, "unet", None) or pipeline.transformer
    name = "pooled_projections" if pipeline.__class__.__name__.endswith("3Pipeline") else None
    is_xl = "XL" in pipeline.__class__.__name__
    forward, calls = denoiser.forward, [0]
    # Heun evaluates each step twice but the last, PNDM its first.
    steps = {"heun": [0, 0, 1, 1, 2, 2, 3], "pndm": [0, 0, 1, 2, 3]}
    numbers = steps.get(request.noise_scheduler, [0, 1, 2, 3])

    def encoded(text: str, negative: str):
        options = {} if is_xl or name else {"num_images_per_prompt": 1}
        return pipeline.encode_prompt(
            prompt=text,
            **({"prompt_2": None, "prompt_3": None} if name else {}),
            negative_prompt=negative,
            device="cpu",
            do_classifier_free_guidance=True,
            **options,
        )

    def told(*arguments, **named):
        text, negative = request.texts_by_step[numbers[calls[0]]]
        calls[0] += 1
        found = encoded(text, negative)
        named["encoder_hidden_states"] = torch.cat([found[1], found[0]])
        if is_xl:
            added = dict(named["added_cond_kwargs"])
            named["added_cond_kwargs"] = {**added, "text_embeds": torch.cat([found[3], found[2]])}
        if name:
            named[name] = torch.cat([found[3], found[2]])
        return forward(*arguments, **named)

    denoiser.forward = told
    try:
        return references.latents(plain, {})
    finally:
        del denoiser.forward


@pytest.mark.parametrize("id", ["toy", "toy-inpaint", "toy-xl", "toy-sd3"])
@pytest.mark.parametrize("mask_size", [(32, 32), (50, 41), (12, 20)])
def test_a_mask_of_another_size_equals_the_pipeline(
    engine: Engine, references: References, latents, id: str, mask_size: tuple[int, int]
) -> None:
    request = request_for(id, Mode.INPAINT, NoiseScheduler.EULER, {"strength": 0.6})
    mask = _blobs(mask_size).convert("RGB")
    inputs = {"image": picture("image").resize((40, 27)), "mask": mask}

    run_all(engine, [request, *strangers(request)], inputs)

    assert_same(latents[request], references.latents(request, inputs))


def test_a_mask_whose_alpha_is_not_full_is_its_alpha(engine: Engine, latents) -> None:
    request = request_for("toy", Mode.INPAINT, NoiseScheduler.EULER, {"strength": 0.6})
    alpha = _blobs((32, 32))
    see_through = Image.new("RGB", (32, 32), "white")
    see_through.putalpha(alpha)

    run_all(engine, [request], {"image": picture("image"), "mask": see_through})
    own = latents[request]
    run_all(engine, [request], {"image": picture("image"), "mask": alpha})

    assert_same(own, latents[request])


@pytest.mark.parametrize("mode", [Mode.IMAGE_TO_IMAGE, Mode.INPAINT, Mode.OUTPAINT])
def test_what_hides_under_transparency_is_never_seen(engine: Engine, latents, mode: Mode) -> None:
    room = {"padding": (0, 0, 8, 8), "width": 80, "height": 80} if mode is Mode.OUTPAINT else {}
    request = request_for("toy", mode, NoiseScheduler.EULER, room)
    shown = Image.new("L", (32, 32))
    shown.paste(255, (0, 0, 16, 32))
    hidden = picture("image").copy()
    hidden.putalpha(shown)
    white = Image.new("RGB", (32, 32), "white")
    white.paste(picture("image"), mask=shown)

    run_all(engine, [request], {"image": hidden, "mask": picture("mask")})
    own = latents[request]
    run_all(engine, [request], {"image": white, "mask": picture("mask")})

    assert_same(own, latents[request])


@pytest.mark.parametrize("id", ["toy", "toy-inpaint", "toy-xl"])
@pytest.mark.parametrize("padding", [0, 6])
def test_only_the_masked_part_equals_the_pipeline(
    engine: Engine, references: References, id: str, padding: int, latents
) -> None:
    request = request_for(
        id,
        Mode.INPAINT,
        NoiseScheduler.EULER,
        {"strength": 0.6},
        only_masked=True,
        mask_padding=padding,
        width=40,
        height=24,
    )
    source = picture("image").resize((96, 80))
    mask = Image.new("L", source.size)
    mask.paste(255, (50, 30, 70, 40))

    run_all(engine, [request], {"image": source, "mask": mask})

    pipeline = references._prepared(id, Mode.INPAINT, request)
    seen: list[Tensor] = []
    pipeline(
        **references._common(request, seed=request.seed),
        image=source,
        mask_image=mask,
        padding_mask_crop=padding,
        strength=0.6,
        width=40,
        height=24,
        callback_on_step_end=lambda _pipeline, _step, _time, given: (
            seen.append(given["latents"]) or {}
        ),
    )
    assert_same(latents[request], seen[-1])


@pytest.mark.parametrize("fill", MaskFill)
def test_the_start_under_a_mask_is_what_was_chosen(
    engine: Engine, references: References, latents, fill: MaskFill
) -> None:
    request = request_for(
        "toy",
        Mode.INPAINT,
        NoiseScheduler.EULER,
        {"strength": 0.6},
        mask_fill=fill,
        mask_blur=2,
    )

    run_all(engine, [request, *strangers(request)], inputs_of(request))

    assert_same(latents[request], _inpainted(references, request, fill))


def _inpainted(references: References, request: GenerationRequest, fill: MaskFill) -> Tensor:
    """Inpainting from its parts: blur, fill, encode, replace latents, denoise, restore."""
    pipeline = references._prepared("toy", Mode.INPAINT, request)
    pictures = inputs_of(request)
    blurred = pipeline.mask_processor.blur(pictures["mask"], 2)
    image = pictures["image"]
    if fill is MaskFill.FILL:
        image = canvas.filled(image, blurred)
    encode, generator = pipeline._encode_vae_image, torch.Generator().manual_seed(request.seed)
    mask = pipeline.mask_processor.preprocess(blurred, 32, 32)
    small = torch.nn.functional.interpolate(mask, size=(16, 16))

    def replaced(image, generator):
        original = encode(image, generator)
        if fill is MaskFill.LATENT_NOTHING:
            return original * (1 - small)
        if fill is MaskFill.LATENT_NOISE:
            noise = torch.randn(1, 4, 16, 16, generator=torch.Generator().manual_seed(request.seed))
            return original * (1 - small) + noise * small
        return original

    pipeline._encode_vae_image = replaced
    try:
        return pipeline(
            **{**references._common(request, seed=request.seed), "generator": generator},
            image=image,
            mask_image=blurred,
            strength=0.6,
            width=32,
            height=32,
            output_type="latent",
        ).images
    finally:
        del pipeline._encode_vae_image


def _blobs(size: tuple[int, int]) -> Image.Image:
    """A mask of soft spots, so that the order of resizing and threshold matters."""
    rng = np.random.default_rng(7)
    small = Image.fromarray(rng.integers(0, 256, (5, 5), dtype=np.uint8))
    return small.resize(size, Image.Resampling.BICUBIC)
