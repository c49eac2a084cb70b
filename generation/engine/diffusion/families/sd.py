"""Stable Diffusion 1.x and 2.x: a CLIP text encoder, a unet with cross-attention, a VAE.

The checkpoints made for one purpose differ in what their unet sees beside the latents: mask and
masked picture (inpainting), a depth map, or the small picture to enlarge (the x4 upscaler).
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Self

import torch
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from diffusers.schedulers.scheduling_ddpm import DDPMScheduler
from transformers.models.clip.modeling_clip import CLIPTextModel
from transformers.models.clip.tokenization_clip import CLIPTokenizer

from generation.engine.checkpoints.catalogue import Checkpoint
from generation.engine.diffusion.conditioning import Conditioning
from generation.engine.diffusion.families import depth
from generation.engine.diffusion.families.clip_text import ClipTextEncoder, Prompt
from generation.engine.diffusion.families.components import Components, num_bytes
from generation.engine.diffusion.families.depth import DepthEstimator
from generation.engine.diffusion.families.initial_latents import InitialLatents, LatentsContext
from generation.engine.diffusion.families.latent import Embedded
from generation.engine.diffusion.families.unet import UNetPipeline
from generation.engine.diffusion.families.vae import Vae
from generation.engine.diffusion.tiling import Tiling, tiling_for
from generation.engine.enums import Mode
from generation.engine.request import GenerationRequest, canvas

# The corrections that StableDiffusionPipeline makes to configurations of early checkpoints.
_SCHEDULER_CORRECTIONS = {"steps_offset": 1, "clip_sample": False}
_LOW_RES_SCHEDULER = "low_res_scheduler/scheduler_config.json"


class StableDiffusion(UNetPipeline):
    """A loaded checkpoint of the Stable Diffusion 1 or 2 layout."""

    def __init__(
        self,
        *,
        checkpoint_id: str,
        text: ClipTextEncoder,
        unet: UNet2DConditionModel,
        vae: Vae,
        scheduler_config: Mapping[str, Any],
        depth_estimator: DepthEstimator | None = None,
        low_res_scheduler: DDPMScheduler | None = None,
    ) -> None:
        super().__init__(
            checkpoint_id=checkpoint_id,
            denoiser=unet,
            vae=vae,
            scheduler_config={**scheduler_config, **_SCHEDULER_CORRECTIONS},
        )
        self.text = text
        self.depth_estimator = depth_estimator
        self.low_res_scheduler = low_res_scheduler

    @classmethod
    def load(cls, checkpoint: Checkpoint, components: Components) -> Self:
        """Load the checkpoint's components."""
        return cls(
            checkpoint_id=checkpoint.id,
            text=ClipTextEncoder(
                components.processor(CLIPTokenizer, "tokenizer"),
                components.transformers_model(CLIPTextModel, "text_encoder"),
            ),
            unet=components.denoiser(UNet2DConditionModel, "unet"),
            vae=Vae.load(components),
            scheduler_config=components.scheduler_config(),
            depth_estimator=DepthEstimator.load(components)
            if components.has("depth_estimator")
            else None,
            low_res_scheduler=DDPMScheduler.from_config(components.config(_LOW_RES_SCHEDULER))
            if components.has("low_res_scheduler")
            else None,
        )

    @property
    def num_bytes(self) -> int:
        """Memory of the weights on the device, in bytes."""
        estimator = self.depth_estimator.model if self.depth_estimator else None
        return num_bytes(self.text.model, self.denoiser, self.vae.module, estimator)

    conditioning_names = ("class_labels",)

    def _embed(self, prompts: Sequence[Prompt]) -> Embedded:
        embeddings = self.text.encode(prompts)
        return {prompt: {"encoder_hidden_states": embeddings[prompt].hidden} for prompt in prompts}

    def _conditioning(
        self, request: GenerationRequest, prompt: Prompt, negative: Prompt, embedded: Embedded
    ) -> Conditioning:
        found = super()._conditioning(request, prompt, negative, embedded)
        if request.mode is not Mode.UPSCALE:
            return found
        level = {"class_labels": torch.tensor([request.noise_level], device=self.device)}
        return Conditioning(
            positive={**found.positive, **level},
            negative={**found.negative, **level} if found.negative is not None else None,
        )

    def _initial_latents(
        self, context: LatentsContext, generator: torch.Generator
    ) -> InitialLatents:
        if context.request.mode is Mode.UPSCALE:
            return self._enlargement(context, generator)
        start = super()._initial_latents(context, generator)
        if context.request.mode is Mode.DEPTH_TO_IMAGE:
            return replace(start, channels=self._depth(context))
        return start

    def _enlargement(self, context: LatentsContext, generator: torch.Generator) -> InitialLatents:
        """Start from noise, beside the small input image with noise of its own level."""
        assert self.low_res_scheduler is not None, "the catalogue's modes follow the checkpoint"
        factor = context.vae.scale_factor
        small = context.vae.pixels(
            canvas.opaque(context.inputs["image"]),
            width=context.request.width // factor,
            height=context.request.height // factor,
        )
        level = torch.tensor([context.request.noise_level])
        noise = torch.randn(small.shape, generator=generator)
        channels = self.low_res_scheduler.add_noise(small, noise, level).to(self.device)
        latents = context.noise(generator) * context.schedule.init_noise_sigma
        return InitialLatents(latents=latents, channels=channels)

    def _depth(self, context: LatentsContext) -> torch.Tensor:
        """Return the user's depth map, or else the estimator's."""
        if "depth" in context.inputs:
            seen = depth.from_picture(context.inputs["depth"])
        else:
            assert self.depth_estimator is not None, "the catalogue's modes follow the checkpoint"
            size = (context.request.width, context.request.height)
            seen = self.depth_estimator(canvas.opaque(context.inputs["image"]).resize(size))
        return depth.fitted(seen.to(self.device), size=context.shape[-2:])

    def _tiling(self, request: GenerationRequest) -> Tiling | None:
        if request.mode is not Mode.UPSCALE:
            return None
        return tiling_for(
            height=request.height // self.vae_scale_factor,
            width=request.width // self.vae_scale_factor,
        )
