"""Depth maps for depth to image, given by the user or estimated by the checkpoint's own model."""

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
    """MiDaS (DPT) as in transformers."""

    def __init__(self, processor: Any, model: Any) -> None:
        self.processor = processor
        self.model = model

    @classmethod
    def load(cls, components: Components) -> "DepthEstimator":
        """Load it in single precision, which is fast enough: it runs once an image."""
        model = components.transformers_model(
            DPTForDepthEstimation, "depth_estimator", dtype=torch.float32
        )
        return cls(components.processor(DPTImageProcessorPil, "feature_extractor"), model)

    def __call__(self, picture: Image) -> Tensor:
        """Return the depth of an image, (1, 1, height, width) of the estimator's size; larger is nearer."""
        pixels = self.processor(images=[picture.convert("RGB")], return_tensors="pt").pixel_values
        depth: Tensor = self.model(pixels.to(self.model.device, self.model.dtype)).predicted_depth
        return depth.unsqueeze(1)


def from_picture(picture: Image) -> Tensor:
    """Return a user's depth map as (1, 1, height, width); lighter is nearer."""
    levels = np.asarray(picture if picture.mode.startswith("I") else picture.convert("L"))
    return torch.from_numpy(levels.astype(np.float32))[None, None]


def fitted(depth: Tensor, *, size: tuple[int, int]) -> Tensor:
    """Return the depth at the latents' (height, width), scaled to -1 to 1; zeros if it is constant."""
    small = interpolate(depth, size=size, mode="bicubic", align_corners=False)
    nearest, farthest = small.amax(), small.amin()
    if nearest == farthest:
        return torch.zeros_like(small)
    return 2.0 * (small - farthest) / (nearest - farthest) - 1.0
