"""Optimizations of a loaded checkpoint; none changes its images."""

from dataclasses import dataclass
from enum import StrEnum

import torch
from diffusers.models.attention_processor import AttnProcessor

from generation.engine.diffusion.cuda_graphs import GraphPool
from generation.engine.diffusion.families.latent import MAX_ROWS
from generation.engine.diffusion.families.pipeline import Pipeline
from generation.engine.enums import Family


class Attention(StrEnum):
    """Attention kernels of the denoiser: torch's fused ones, or plain matrix products."""

    FUSED = "fused"
    PLAIN = "plain"


# From Stable Diffusion 2 on, attention overflows the range of float16.
_CUDA_DTYPES = {
    Family.SD1: torch.float16,
    Family.SD2: torch.bfloat16,
    Family.SDXL: torch.bfloat16,
    Family.SD3: torch.bfloat16,
}
# Class names in diffusers of the blocks to compile, once for each shape of the weights.
_BLOCKS = {"BasicTransformerBlock", "JointTransformerBlock", "ResnetBlock2D"}
# Above this many shapes of one class, torch leaves the rest uncompiled.
_RECOMPILE_LIMIT = 128


@dataclass(frozen=True, kw_only=True)
class Optimizations:
    """`precision` is the name of a torch dtype; None picks one by family and device. A forward pass has `most_rows` rows at most.

    `cuda_graphs` has no effect on other devices.
    """

    precision: str | None = None
    channels_last: bool = False
    compiled: bool = False
    cuda_graphs: bool = True
    attention: Attention = Attention.FUSED
    most_rows: int = MAX_ROWS

    def dtype(self, family: Family, device: torch.device) -> torch.dtype:
        """Return the precision to compute in; single precision except on CUDA."""
        if self.precision is not None:
            dtype: torch.dtype = getattr(torch, self.precision)
            return dtype
        if device.type == "cuda":
            return _CUDA_DTYPES[family]
        return torch.float32

    def apply(self, pipeline: Pipeline, graph_pool: GraphPool) -> None:
        """Set up a loaded checkpoint; compiling happens at its first step and its first image."""
        denoiser = pipeline.denoiser
        pipeline.most_rows = self.most_rows
        if self.attention is Attention.PLAIN:
            denoiser.set_attn_processor(AttnProcessor())
        # A VAE gains by channels-last only if compiled; its encoder runs too seldom to compile it.
        models = (denoiser, pipeline.vae.module.decoder) if self.compiled else (denoiser,)
        for model in models:
            if self.channels_last:
                model.to(memory_format=torch.channels_last)
            if self.compiled:
                compile_blocks(model)
        if self.cuda_graphs and pipeline.device.type == "cuda":
            pipeline.forward = graph_pool.wrap(pipeline.forward)


def compile_blocks(model: torch.nn.Module) -> None:
    """Compile each block once, for any number of rows and any image size."""
    for block in model.modules():
        if type(block).__name__ in _BLOCKS:
            # Passed here because torch's own configuration of it is thread-local.
            block.compile(dynamic=True, recompile_limit=_RECOMPILE_LIMIT)
