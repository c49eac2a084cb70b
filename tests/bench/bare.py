"""The baseline of comparisons: diffusers' own pipeline, one job after another."""

import json
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

import torch
from diffusers import DiffusionPipeline
from PIL.Image import Image

from generation.engine.checkpoints import catalogue
from generation.engine.diffusion import noise_schedule
from generation.engine.loading.loader import pick_device
from generation.engine.loading.optimizations import Optimizations
from generation.engine.request import GenerationRequest


class Bare:
    """A checkpoint in an unmodified pipeline, in the types and on the device that the engine uses."""

    def __init__(self, checkpoint: str, root: Path | None = None) -> None:
        device, found = pick_device(), catalogue.get(checkpoint)
        folder = catalogue.folder(found, root)
        index = json.loads((folder / "model_index.json").read_text())
        absent = {name: None for name, part in index.items() if part == [None, None]}
        self._pipeline = DiffusionPipeline.from_pretrained(
            folder, torch_dtype=Optimizations().dtype(found.family, device), **absent
        ).to(device)
        self._pipeline.set_progress_bar_config(disable=True)
        self._config = self._pipeline.scheduler.config

    def draw(self, request: GenerationRequest) -> Image:
        """The picture of `request`, which asks for one."""
        # A noise scheduler keeps state: a script makes its own for each kind, as this does.
        self._pipeline.scheduler = noise_schedule.build(
            request.noise_scheduler, config=self._config
        )
        image: Image = self._pipeline(
            prompt=request.prompt,
            negative_prompt=request.negative_prompt,
            width=request.width,
            height=request.height,
            num_inference_steps=request.num_inference_steps,
            guidance_scale=request.guidance_scale,
            generator=torch.Generator().manual_seed(request.seed),
        ).images[0]
        return image

    def draw_batch(self, requests: Sequence[GenerationRequest]) -> list[Image]:
        """The pictures of requests that differ in prompt and seed alone, in one call."""
        first = requests[0]
        self._pipeline.scheduler = noise_schedule.build(first.noise_scheduler, config=self._config)
        images: list[Image] = self._pipeline(
            prompt=[request.prompt for request in requests],
            width=first.width,
            height=first.height,
            num_inference_steps=first.num_inference_steps,
            guidance_scale=first.guidance_scale,
            generator=[torch.Generator().manual_seed(request.seed) for request in requests],
        ).images
        return images

    def draw_png(self, request: GenerationRequest) -> bytes:
        """The same as the bytes of a PNG."""
        buffer = BytesIO()
        self.draw(request).save(buffer, "PNG")
        return buffer.getvalue()
