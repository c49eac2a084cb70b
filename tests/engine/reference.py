"""Reference latents from diffusers' own pipelines, one call an image."""

from collections.abc import Callable, Mapping
from functools import cache
from inspect import signature
from pathlib import Path
from typing import Any

import diffusers
import numpy as np
import torch
from PIL import Image
from torch import Tensor

from generation.engine.checkpoints import catalogue
from generation.engine.diffusion import noise_schedule
from generation.engine.diffusion.run import Run
from generation.engine.enums import ENLARGEMENT, Family, Mode, NoiseScheduler
from generation.engine.request import GenerationRequest, canvas

Inputs = Mapping[str, Image.Image]
USUAL_LARGEST = 10.0

_GENERAL = {
    Mode.TEXT_TO_IMAGE: "{}Pipeline",
    Mode.IMAGE_TO_IMAGE: "{}Img2ImgPipeline",
    Mode.INPAINT: "{}InpaintPipeline",
    Mode.OUTPAINT: "{}InpaintPipeline",
    Mode.DEPTH_TO_IMAGE: "{}Depth2ImgPipeline",
    Mode.UPSCALE: "{}UpscalePipeline",
}
_PREFIXES = {
    Family.SD1: "StableDiffusion",
    Family.SD2: "StableDiffusion",
    Family.SDXL: "StableDiffusionXL",
    Family.SD3: "StableDiffusion3",
}


# Some pipelines insist on being told that what they can do without is not there.
_OPTIONAL = ("text_encoder_3", "tokenizer_3", "image_encoder", "feature_extractor")


class References:
    """The pipelines of diffusers for the checkpoints in a folder."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._pipeline = cache(self._load)

    def latents(self, request: GenerationRequest, inputs: Inputs) -> Tensor:
        """Return the finished latents of every picture, each made alone."""
        return torch.cat([self._one(request, inputs, seed=seed) for seed in request.seeds])

    def pictures(self, request: GenerationRequest, inputs: Inputs) -> list[Image.Image]:
        """Return the pictures, each made alone."""
        return [
            self._call(request, inputs, seed=seed, output_type="pil")[0] for seed in request.seeds
        ]

    def first_picture(self, request: GenerationRequest) -> Image.Image:
        """Return the first picture of a request that names none."""
        return self._call(request, {}, seed=request.seed, output_type="pil")[0]

    def _one(self, request: GenerationRequest, inputs: Inputs, *, seed: int) -> Tensor:
        latents = self._call(request, inputs, seed=seed, output_type="latent")
        if not request.refiner_share:
            return latents
        refiner = catalogue.get(request.checkpoint).refiner
        pipeline = self._prepared(refiner, Mode.IMAGE_TO_IMAGE, request)
        arguments = {
            **self._common(request, seed=seed),
            **_negative_embeddings(pipeline, request),
            "image": latents,
            "denoising_start": 1 - request.refiner_share,
        }
        return pipeline(**arguments, output_type="latent").images

    def _call(
        self, request: GenerationRequest, inputs: Inputs, *, seed: int, output_type: str
    ) -> Any:
        pipeline = self._prepared(request.checkpoint, request.mode, request)
        # The seed of its Brownian noise, which diffusers would draw from a global one.
        pipeline.scheduler.noise_sampler_seed = seed
        arguments = self._common(request, seed=seed) | _ARGUMENTS[request.mode](request, inputs)
        arguments |= _negative_embeddings(pipeline, request)
        if request.refiner_share:
            arguments["denoising_end"] = 1 - request.refiner_share
        return pipeline(**arguments, output_type=output_type).images

    def _prepared(self, checkpoint: str, mode: Mode, request: GenerationRequest) -> Any:
        pipeline, config = self._pipeline(checkpoint, mode)
        # Where the pipeline looks for the layer norm that clip skip needs; this version's model is its own.
        if request.clip_skip > 1 and not hasattr(pipeline.text_encoder, "text_model"):
            object.__setattr__(pipeline.text_encoder, "text_model", pipeline.text_encoder)
        pipeline.scheduler = noise_schedule.build(
            request.noise_scheduler, config=config, sigma_schedule=request.sigma_schedule
        )
        return pipeline

    def _load(self, checkpoint: str, mode: Mode) -> tuple[Any, Mapping[str, Any]]:
        name = _GENERAL[mode].format(_PREFIXES[catalogue.get(checkpoint).family])
        pipeline_class = getattr(diffusers, name)
        takes = signature(pipeline_class).parameters
        present = {path.name for path in (self._root / checkpoint).iterdir()}
        pipeline = pipeline_class.from_pretrained(
            self._root / checkpoint,
            **{part: None for part in _OPTIONAL if part in takes and part not in present},
        )
        pipeline.set_progress_bar_config(disable=True)
        return pipeline, pipeline.scheduler.config

    @staticmethod
    def _common(request: GenerationRequest, *, seed: int) -> dict[str, Any]:
        return {
            "prompt": request.prompt,
            # No negative prompt is not the same as an empty one to Stable Diffusion XL.
            "negative_prompt": request.negative_prompt or None,
            "num_inference_steps": request.num_inference_steps,
            "guidance_scale": request.guidance_scale,
            "generator": torch.Generator().manual_seed(seed),
            **_optional(request),
            # TCD's own default, which the pipelines override by one meant for DDIM.
            **({"eta": 0.3} if request.noise_scheduler is NoiseScheduler.TCD else {}),
        }


def _skipped(request: GenerationRequest) -> int:
    """Return how many more layers to skip than the pipeline itself does."""
    own = 2 if catalogue.get(request.checkpoint).family in (Family.SDXL, Family.SD3) else 1
    return max(request.clip_skip - own, 0)


def _negative_embeddings(pipeline: Any, request: GenerationRequest) -> dict[str, Any]:
    """Return the negative prompt as the pipeline encodes a prompt: it skips no layers of a negative one.

    Empty without clip skip, and where the pipeline has zeros for no negative prompt.
    """
    has_zeros = pipeline.config.get("force_zeros_for_empty_prompt") and not request.negative_prompt
    if not _skipped(request) or has_zeros:
        return {}
    takes = signature(pipeline.encode_prompt).parameters
    others = {name: None for name in ("prompt_2", "prompt_3") if name in takes}
    encoded = pipeline.encode_prompt(
        prompt=request.negative_prompt,
        **others,
        device=pipeline.device,
        num_images_per_prompt=1,
        do_classifier_free_guidance=False,
        clip_skip=_skipped(request),
    )
    pooled = {"negative_pooled_prompt_embeds": encoded[2]} if len(encoded) > 2 else {}
    return {"negative_prompt": None, "negative_prompt_embeds": encoded[0], **pooled}


def _optional(request: GenerationRequest) -> dict[str, Any]:
    """Return the settings of text encoders and noise that are not the pipeline's own."""
    optional: dict[str, Any] = {}
    if skipped := _skipped(request):
        optional["clip_skip"] = skipped
    if request.eta is not None:
        optional["eta"] = request.eta
    return optional


def _size(request: GenerationRequest) -> dict[str, Any]:
    return {"width": request.width, "height": request.height}


def _fitted(request: GenerationRequest, picture: Image.Image, *, over: int = 1) -> Image.Image:
    size = (request.width // over, request.height // over)
    return picture.convert("RGB").resize(size, Image.Resampling.LANCZOS)


def _text_to_image(request: GenerationRequest, inputs: Inputs) -> dict[str, Any]:
    return _size(request)


def _image_to_image(request: GenerationRequest, inputs: Inputs) -> dict[str, Any]:
    arguments = {"image": _fitted(request, inputs["image"]), "strength": request.strength}
    if catalogue.get(request.checkpoint).family is Family.SD3:
        # The others take the size of the picture.
        arguments |= _size(request)
    return arguments


def _inpaint(request: GenerationRequest, inputs: Inputs) -> dict[str, Any]:
    if request.mode is Mode.OUTPAINT:
        own = canvas.prepared(request, inputs)
        pictures = {"image": own.picture, "mask_image": own.mask}
    else:
        pictures = {"image": inputs["image"], "mask_image": inputs["mask"]}
    return {
        **pictures,
        "strength": request.strength,
        **_size(request),
    }


def _depth_to_image(request: GenerationRequest, inputs: Inputs) -> dict[str, Any]:
    arguments = _image_to_image(request, inputs)
    if "depth" in inputs:
        levels = np.asarray(inputs["depth"].convert("L")).astype(np.float32)
        arguments["depth_map"] = torch.from_numpy(levels)[None]
    return arguments


def _upscale(request: GenerationRequest, inputs: Inputs) -> dict[str, Any]:
    return {
        "image": _fitted(request, inputs["image"], over=ENLARGEMENT),
        "noise_level": request.noise_level,
    }


_ARGUMENTS: Mapping[Mode, Callable[[GenerationRequest, Inputs], dict[str, Any]]] = {
    Mode.TEXT_TO_IMAGE: _text_to_image,
    Mode.IMAGE_TO_IMAGE: _image_to_image,
    Mode.INPAINT: _inpaint,
    Mode.OUTPAINT: _inpaint,
    Mode.DEPTH_TO_IMAGE: _depth_to_image,
    Mode.UPSCALE: _upscale,
}


class Seen:
    """The latents of each request after its last step so far; `install` before the engine runs."""

    def __init__(self) -> None:
        self.latents: dict[GenerationRequest, Tensor] = {}

    def install(self, setattr: Callable[[Any, str, Any], None]) -> None:
        """Note every run's latents as it advances; `setattr` is how to replace the method."""
        advance = Run.advance

        def advance_and_note(run: Run, prediction: Tensor) -> None:
            advance(run, prediction)
            self.latents[run.request] = run.latents

        setattr(Run, "advance", advance_and_note)


def difference(one: Tensor, other: Tensor) -> float:
    """Return the largest difference between two sets of latents."""
    assert one.shape == other.shape
    return float((one - other).abs().max())


def relative_difference(one: Tensor, other: Tensor) -> float:
    """Return the largest difference between two sets of latents, as a share of the second's largest value.

    Rounding grows with the values. Those of most toys reach ten, which also stands for smaller ones.
    """
    return difference(one, other) / max(float(other.abs().max()), USUAL_LARGEST)
