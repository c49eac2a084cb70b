"""What makes a checkpoint fast on its device; each is one setting, and none changes the pictures."""

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import torch

from generation.engine.vocabulary import Family

if TYPE_CHECKING:
    from generation.engine.families import Pipeline


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


@dataclass(frozen=True, kw_only=True)
class Tuning:
    """`precision` is a dtype's name in torch; None picks what suits family and device."""

    precision: str | None = None
    channels_last: bool = False
    compiled: bool = False
    attention: Attention = Attention.FUSED

    def dtype(self, family: Family, device: torch.device) -> torch.dtype:
        """Return the precision to compute in: single on a CPU and on Apple's devices."""
        if self.precision is not None:
            dtype: torch.dtype = getattr(torch, self.precision)
            return dtype
        if device.type == "cuda":
            return _CUDA_DTYPES[family]
        return torch.float32

    def apply(self, pipeline: "Pipeline") -> None:
        """Set a loaded checkpoint up; compiling happens at its first steps."""
        denoiser = pipeline.denoiser
        if self.attention is Attention.PLAIN:
            from diffusers.models.attention_processor import AttnProcessor

            denoiser.set_attn_processor(AttnProcessor())
        if self.channels_last:
            denoiser.to(memory_format=torch.channels_last)
        if self.compiled:
            # The repeated blocks alone: compiled once, used by all of their kind.
            denoiser.compile_repeated_blocks(dynamic=True)
