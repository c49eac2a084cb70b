"""Pipeline: the verbs that a loaded checkpoint of any family offers to the engine."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, Self

import torch
from PIL.Image import Image
from torch import Tensor

from generation.engine.checkpoints.checkpoint import Checkpoint
from generation.engine.diffusion.cuda_graphs import Model
from generation.engine.diffusion.families.components import Components
from generation.engine.diffusion.families.vae import Vae
from generation.engine.diffusion.run import Conditioning, Run
from generation.engine.request import GenerationRequest


class Pipeline(Protocol):
    """A loaded checkpoint.

    Its verbs are called by one thread at a time, under `torch.inference_mode`.
    """

    denoiser: Any
    forward: Model
    vae: Vae
    latent_channels: int
    vae_scale_factor: int
    device: torch.device

    @classmethod
    def load(cls, checkpoint: Checkpoint, components: Components) -> Self:
        """Read the checkpoint's parts onto the device."""

    @property
    def num_bytes(self) -> int:
        """Memory that the weights take on the device."""

    def encode(self, requests: Sequence[GenerationRequest]) -> list[Conditioning]:
        """Run the text encoders over all prompts at once; a conditioning for each, in order."""

    def prepare(
        self,
        request: GenerationRequest,
        conditioning: Conditioning,
        inputs: Mapping[str, Image],
        *,
        carried: Tensor | None = None,
    ) -> Run:
        """Return the run before its first step: initial latents and its own noise schedule.

        `inputs` are the pictures that the request's mode needs: image, mask, depth. `carried` are
        the latents of the checkpoint that this one refines.
        """

    def denoise(self, runs: Sequence[Run]) -> list[Tensor]:
        """Run one forward pass over runs of one batch key; a prediction for each, in order."""

    def capture(self) -> None:
        """Do what makes passes like the last one faster from now on, if there is anything to do."""

    def decode(self, latents: Tensor) -> Tensor:
        """Return pictures (n, 3, height, width), 0 to 1 but not clamped, of finished latents."""

    def encode_images(self, pixels: Tensor) -> Tensor:
        """Return the latents of pictures (n, 3, height, width) of 0 to 1, as the model sees them."""
