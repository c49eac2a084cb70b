"""A toy safety checker: the real classes with small weights that reject one image."""

from pathlib import Path
from typing import Any

import torch
from diffusers.pipelines.stable_diffusion.safety_checker import StableDiffusionSafetyChecker
from PIL import Image
from transformers import CLIPConfig
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

SIDE = 32
FORBIDDEN = Image.effect_mandelbrot((64, 64), (-2, -1.5, 1, 1.5), 50).convert("RGB")
_NEVER = 2.0
_ALMOST_THE_SAME = 0.999


def write(folder: Path, *, forbidden: Image.Image = FORBIDDEN) -> None:
    """Write a safety checker that rejects this image alone."""
    torch.manual_seed(0)
    processor = CLIPImageProcessorPil(
        size={"shortest_edge": SIDE}, crop_size={"height": SIDE, "width": SIDE}
    )
    model = StableDiffusionSafetyChecker(_config()).eval()
    pixels = processor(images=[forbidden], return_tensors="pt").pixel_values
    with torch.no_grad():
        concept = model.visual_projection(model.vision_model(pixels)[1])
        model.concept_embeds[0] = concept[0]
        model.concept_embeds_weights.fill_(_NEVER)
        model.concept_embeds_weights[0] = _ALMOST_THE_SAME
        model.special_care_embeds_weights.fill_(_NEVER)
    processor.save_pretrained(folder / "feature_extractor")
    model.save_pretrained(folder / "safety_checker")


def _config() -> CLIPConfig:
    small: dict[str, Any] = {
        "hidden_size": 32,
        "intermediate_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
    }
    words = {"vocab_size": 8, "bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 1}
    return CLIPConfig(
        projection_dim=16,
        text_config={**small, **words},
        vision_config={**small, "image_size": SIDE, "patch_size": 8},
    )
