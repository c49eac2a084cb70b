"""What makes a checkpoint fast on its device; each is one setting, and none changes the pictures."""

from dataclasses import dataclass
from enum import StrEnum

import torch
from diffusers.models.attention_processor import AttnProcessor

from generation.engine.diffusion.cuda_graphs import GraphPool
from generation.engine.diffusion.families.pipeline import Pipeline
from generation.engine.enums import Family


class Attention(StrEnum):
    """How the denoiser attends: by torch's fused kernels, or operation by operation."""

    FUSED = "fused"
    PLAIN = "plain"


# Stable Diffusion 2's and later attention overflows the range of float16.
_CUDA_DTYPES = {
    Family.SD1: torch.float16,
    Family.SD2: torch.bfloat16,
    Family.SDXL: torch.bfloat16,
    Family.SD3: torch.bfloat16,
}
# What denoisers and VAEs are built of, by diffusers' names: compiled once for each shape of the weights.
_BLOCKS = {"BasicTransformerBlock", "JointTransformerBlock", "ResnetBlock2D"}
# Shapes that one kind of block may have, before torch gives up and leaves the rest uncompiled.
_RECOMPILE_LIMIT = 128


@dataclass(frozen=True, kw_only=True)
class Optimizations:
    """`precision` is a dtype's name in torch; None picks what suits family and device.

    `graphs`, which only CUDA has, record the denoiser's passes.
    """

    precision: str | None = None
    channels_last: bool = False
    compiled: bool = False
    cuda_graphs: bool = True
    attention: Attention = Attention.FUSED

    def dtype(self, family: Family, device: torch.device) -> torch.dtype:
        """Return the precision to compute in: single on a CPU and on Apple's devices."""
        if self.precision is not None:
            dtype: torch.dtype = getattr(torch, self.precision)
            return dtype
        if device.type == "cuda":
            return _CUDA_DTYPES[family]
        return torch.float32

    def apply(self, pipeline: Pipeline, graph_pool: GraphPool) -> None:
        """Set a loaded checkpoint up; compiling happens at its first step and its first picture."""
        denoiser = pipeline.denoiser
        if self.attention is Attention.PLAIN:
            denoiser.set_attn_processor(AttnProcessor())
        # A VAE gains by that layout only if it is compiled, and its encoder is used too seldom to be.
        models = (denoiser, pipeline.vae.module.decoder) if self.compiled else (denoiser,)
        for model in models:
            if self.channels_last:
                model.to(memory_format=torch.channels_last)
            if self.compiled:
                _compile(model)
        if self.cuda_graphs and pipeline.device.type == "cuda":
            pipeline.forward = graph_pool.wrap(pipeline.forward)


def _compile(model: torch.nn.Module) -> None:
    """Compile the blocks, of any number of rows and any size of picture."""
    for block in model.modules():
        if type(block).__name__ in _BLOCKS:
            # Said here: what torch's configuration says, a thread says for itself alone.
            block.compile(dynamic=True, recompile_limit=_RECOMPILE_LIMIT)
