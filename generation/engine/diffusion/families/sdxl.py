"""Stable Diffusion XL: two text encoders, and a unet conditioned on size and crop.

The refiner has the second encoder only. It takes over where the base model's range of the schedule
ends, or works on an input image as in image to image.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Self

import torch
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from torch import Tensor
from transformers.models.clip.modeling_clip import CLIPTextModel, CLIPTextModelWithProjection
from transformers.models.clip.tokenization_clip import CLIPTokenizer

from generation.engine.checkpoints.catalogue import Checkpoint
from generation.engine.diffusion.conditioning import Conditioning
from generation.engine.diffusion.cuda_graphs import Arguments
from generation.engine.diffusion.families.clip_text import ClipTextEncoder, Prompt
from generation.engine.diffusion.families.components import Components, num_bytes
from generation.engine.diffusion.families.latent import Embedded
from generation.engine.diffusion.families.unet import UNetPipeline
from generation.engine.diffusion.families.vae import Vae
from generation.engine.request import GenerationRequest

_TEXT_MODELS = {"": CLIPTextModel, "_2": CLIPTextModelWithProjection}
# The refiner's conditioning on aesthetic score, as in diffusers: 6 to reach and 2.5 to avoid.
_AESTHETIC_SCORE = 6.0
_NEGATIVE_AESTHETIC_SCORE = 2.5


class StableDiffusionXL(UNetPipeline):
    """A loaded checkpoint of the Stable Diffusion XL layout."""

    def __init__(
        self,
        *,
        checkpoint_id: str,
        texts: Sequence[ClipTextEncoder],
        unet: UNet2DConditionModel,
        vae: Vae,
        scheduler_config: Mapping[str, Any],
        zeros_for_no_prompt: bool = True,
        wants_aesthetic_score: bool = False,
    ) -> None:
        super().__init__(
            checkpoint_id=checkpoint_id, denoiser=unet, vae=vae, scheduler_config=scheduler_config
        )
        self.texts = list(texts)
        self._zeros_for_no_prompt = zeros_for_no_prompt
        self._wants_aesthetic_score = wants_aesthetic_score

    @classmethod
    def load(cls, checkpoint: Checkpoint, components: Components) -> Self:
        """Load the checkpoint's components."""
        index = components.config("model_index.json")
        return cls(
            checkpoint_id=checkpoint.id,
            texts=[
                ClipTextEncoder(
                    components.processor(CLIPTokenizer, f"tokenizer{suffix}"),
                    components.transformers_model(model_class, f"text_encoder{suffix}"),
                    penultimate=True,
                )
                for suffix, model_class in _TEXT_MODELS.items()
                if components.has(f"text_encoder{suffix}")
            ],
            unet=components.denoiser(UNet2DConditionModel, "unet"),
            vae=Vae.load(components),
            scheduler_config=components.scheduler_config(),
            zeros_for_no_prompt=bool(index.get("force_zeros_for_empty_prompt", True)),
            wants_aesthetic_score=bool(index.get("requires_aesthetics_score", False)),
        )

    @property
    def num_bytes(self) -> int:
        """Memory of the weights on the device, in bytes."""
        models = [text.model for text in self.texts]
        return num_bytes(*models, self.denoiser, self.vae.module)

    conditioning_names = ("text_embeds", "time_ids")

    def _embed(self, prompts: Sequence[Prompt]) -> Embedded:
        encoded = [text.encode(prompts) for text in self.texts]
        return {
            prompt: {
                "encoder_hidden_states": torch.cat([one[prompt].hidden for one in encoded], dim=-1),
                "text_embeds": encoded[-1][prompt].vector,
            }
            for prompt in prompts
        }

    def _conditioning(
        self, request: GenerationRequest, prompt: Prompt, negative: Prompt, embedded: Embedded
    ) -> Conditioning:
        positive = dict(embedded[prompt])
        opposite = None
        if request.passes == 2:
            opposite = dict(embedded[negative])
            if self._zeros_for_no_prompt and not request.negative_prompt:
                opposite = {name: torch.zeros_like(tensor) for name, tensor in positive.items()}
            opposite["time_ids"] = self._time_ids(request, _NEGATIVE_AESTHETIC_SCORE)
        positive["time_ids"] = self._time_ids(request, _AESTHETIC_SCORE)
        return Conditioning(positive=positive, negative=opposite)

    def _time_ids(self, request: GenerationRequest, aesthetic_score: float) -> Tensor:
        """Return the unet's size and crop conditioning, (1, 5 or 6), for an uncropped image."""
        size, corner = [request.height, request.width], [0, 0]
        end = [aesthetic_score] if self._wants_aesthetic_score else size
        return torch.tensor([[*size, *corner, *end]], dtype=self.dtype, device=self.device)

    def _forward(self, arguments: Arguments) -> Tensor:
        given = dict(arguments)
        added = {name: given.pop(name) for name in self.conditioning_names}
        output: Tensor = self.denoiser(**given, added_cond_kwargs=added, return_dict=False)[0]
        return output
