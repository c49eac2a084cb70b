"""Pipeline: the protocol that a loaded checkpoint of every family implements."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, Self

import torch
from PIL.Image import Image
from torch import Tensor

from generation.engine.checkpoints.checkpoint import Checkpoint
from generation.engine.diffusion.conditioning import Prompting
from generation.engine.diffusion.cuda_graphs import Model
from generation.engine.diffusion.families.components import Components
from generation.engine.diffusion.families.vae import Vae
from generation.engine.diffusion.run import Run
from generation.engine.request import GenerationRequest


class Pipeline(Protocol):
    """A loaded checkpoint.

    One thread at a time calls its methods, under `torch.inference_mode`. `version` tells two contents of
    one checkpoint apart.
    """

    version: str
    most_rows: int
    denoiser: Any
    forward: Model
    vae: Vae
    latent_channels: int
    vae_scale_factor: int
    device: torch.device

    @classmethod
    def load(cls, checkpoint: Checkpoint, components: Components) -> Self:
        """Load the checkpoint's components onto the device."""

    @property
    def num_bytes(self) -> int:
        """Memory of the weights on the device, in bytes."""

    def encode(self, requests: Sequence[GenerationRequest]) -> list[Prompting]:
        """Run the text encoders over all prompts at once; return one prompting a request, in order."""

    def prepare(
        self,
        request: GenerationRequest,
        prompting: Prompting,
        inputs: Mapping[str, Image],
        *,
        carried: Tensor | None = None,
    ) -> Run:
        """Return the run before its first step: initial latents and its own noise schedule.

        `inputs` are the images that the request's mode needs: image, mask, depth. `carried` are the
        latents of the base model that this one refines.
        """

    def denoise(self, runs: Sequence[Run]) -> list[Tensor]:
        """Run one forward pass over runs of one batch key; return a prediction for each, in order.

        Raises before any run has changed, so that the pass can be repeated.
        """

    def capture(self) -> None:
        """Make passes like the last one faster from now on, if possible."""

    def decode(self, latents: Tensor) -> Tensor:
        """Return pixels (n, 3, height, width), about 0 to 1 and not clamped, of finished latents."""

    def encode_images(self, pixels: Tensor) -> Tensor:
        """Return the latents of pixels (n, 3, height, width), 0 to 1."""
