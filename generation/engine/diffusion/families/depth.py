"""Depth for depth to image: what a person gives, or what the checkpoint's own estimator sees."""

from typing import Any

import numpy as np
import torch
from PIL.Image import Image
from torch import Tensor
from torch.nn.functional import interpolate
from transformers.models.dpt.image_processing_pil_dpt import DPTImageProcessorPil
from transformers.models.dpt.modeling_dpt import DPTForDepthEstimation

from generation.engine.diffusion.families.components import Components


class DepthEstimator:
    """MiDaS in the form of transformers: a picture to its depth."""

    def __init__(self, processor: Any, model: Any) -> None:
        self.processor = processor
        self.model = model

    @classmethod
    def load(cls, components: Components) -> "DepthEstimator":
        """Read it from a checkpoint's parts. It runs once a picture, so single precision will do."""
        model = components.transformers_model(
            DPTForDepthEstimation, "depth_estimator", dtype=torch.float32
        )
        return cls(components.processor(DPTImageProcessorPil, "feature_extractor"), model)

    def __call__(self, picture: Image) -> Tensor:
        """Return (1, 1, height, width) of the estimator's size; larger is nearer."""
        pixels = self.processor(images=[picture.convert("RGB")], return_tensors="pt").pixel_values
        depth: Tensor = self.model(pixels.to(self.model.device, self.model.dtype)).predicted_depth
        return depth.unsqueeze(1)


def from_picture(picture: Image) -> Tensor:
    """Return a depth map that was given as a picture, (1, 1, height, width); lighter is nearer."""
    levels = np.asarray(picture if picture.mode.startswith("I") else picture.convert("L"))
    return torch.from_numpy(levels.astype(np.float32))[None, None]


def fitted(depth: Tensor, *, size: tuple[int, int]) -> Tensor:
    """Return the depth at the latents' (height, width), spread over -1 to 1."""
    small = interpolate(depth, size=size, mode="bicubic", align_corners=False)
    nearest, farthest = small.amax(), small.amin()
    if nearest == farthest:
        return torch.zeros_like(small)
    return 2.0 * (small - farthest) / (nearest - farthest) - 1.0
