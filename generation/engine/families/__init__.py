"""One module for each architecture, all with the same verbs; and which one a checkpoint needs."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol, Self

import torch
from torch import Tensor

from generation.engine.catalogue import Checkpoint, Family
from generation.engine.families.sd import StableDiffusion
from generation.engine.request import GenerationRequest
from generation.engine.run import Conditioning, Run


class Pipeline(Protocol):
    """A loaded checkpoint.

    Its verbs are called by one thread at a time, under `torch.inference_mode`.
    """

    latent_channels: int
    vae_scale_factor: int
    device: torch.device

    @classmethod
    def load(cls, checkpoint: Checkpoint, folder: Path, *, device: torch.device) -> Self:
        """Read the weights in the folder onto the device, in the precision that suits both."""

    @property
    def num_bytes(self) -> int:
        """Memory that the weights take on the device."""

    def encode(self, requests: Sequence[GenerationRequest]) -> list[Conditioning]:
        """Run the text encoders over all prompts at once; a conditioning for each, in order."""

    def prepare(self, request: GenerationRequest, conditioning: Conditioning) -> Run:
        """Return the run before its first step: initial latents and its own noise schedule."""

    def denoise(self, runs: Sequence[Run]) -> list[Tensor]:
        """Run one forward pass over runs of one batch key; a prediction for each, in order."""

    def encode_pictures(self, pixels: Tensor) -> Tensor:
        """Return the latents of pictures (n, 3, height, width) of 0 to 1, as the model sees them."""

    def decode(self, latents: Tensor) -> Tensor:
        """Return pictures (n, 3, height, width), 0 to 1 but not clamped, of finished latents."""


def pipeline_class(family: Family) -> type[Pipeline]:
    """Return the class that runs checkpoints of this family."""
    return _CLASSES[family]


_CLASSES: Mapping[Family, type[Pipeline]] = {Family.SD1: StableDiffusion}
