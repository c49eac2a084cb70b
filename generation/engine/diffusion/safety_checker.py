"""Stable Diffusion's safety checker, for finished images.

It compares CLIP embeddings of an image with seventeen concepts. It runs on the CPU, in the calling
thread, so that the device's steps never wait for it.
"""

import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers.pipelines.stable_diffusion.safety_checker import StableDiffusionSafetyChecker
from diffusers.utils import logging as diffusers_logging
from PIL.Image import Image
from safetensors.torch import load_file
from torch import Tensor
from transformers.models.clip.configuration_clip import CLIPConfig
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

from generation.engine.checkpoints.store.structure import CHECKER
from generation.engine.checkpoints.store.weights import Unusable, weight_files

# Published weights have the vision model's layers in a wrapper that transformers gave up.
_WRAPPER = "vision_model.vision_model."
_LEFT_OVER = "position_ids"


class SafetyChecker:
    """Thread-safe; callers take turns."""

    def __init__(self, processor: Any, model: Any) -> None:
        self._processor = processor
        self._model = model
        self._turn = threading.Lock()
        # It warns of every picture that it holds back; whoever asks decides what to say.
        diffusers_logging.get_logger(StableDiffusionSafetyChecker.__module__).setLevel(
            diffusers_logging.ERROR
        )

    @classmethod
    def load(cls, folder: Path) -> "SafetyChecker":
        """Load it from its folder in the model store. Raises Unusable."""
        try:
            processor = CLIPImageProcessorPil.from_pretrained(folder, subfolder="feature_extractor")
            model = StableDiffusionSafetyChecker(CLIPConfig.from_pretrained(folder / CHECKER))
            model.load_state_dict(_weights(folder / CHECKER))
        except (OSError, RuntimeError, ValueError) as error:
            raise Unusable(f"The safety checker in {folder} cannot be loaded: {error}") from error
        return cls(processor, model.eval())

    @torch.inference_mode()
    def flagged(self, pictures: Sequence[Image]) -> list[bool]:
        """Return True for each image that must not be shown."""
        seen = [picture.convert("RGB") for picture in pictures]
        inputs = self._processor(images=seen, return_tensors="pt").pixel_values
        with self._turn:
            # It blackens the pictures that it is given, too; these nobody sees.
            nothing = [np.zeros(1) for _ in seen]
            _blackened, found = self._model(clip_input=inputs, images=nothing)
        return [bool(each) for each in found]


def _weights(folder: Path) -> Mapping[str, Tensor]:
    """Return the weights by the names that this version of the libraries has."""
    read: dict[str, Tensor] = {}
    for path in weight_files(folder):
        read |= load_file(path)
    return {
        name.replace(_WRAPPER, "vision_model.", 1): tensor.float()
        for name, tensor in read.items()
        if not name.endswith(_LEFT_OVER)
    }
