"""Writing of the trained parts as a folder for `StableDiffusionPipeline.from_pretrained`."""

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderTiny, StableDiffusionPipeline, UNet2DConditionModel
from transformers import CLIPTextModel, CLIPTokenizer

from generation.engine.sketchbook import denoiser


def save(
    folder: Path,
    *,
    vae: AutoencoderTiny,
    unet: UNet2DConditionModel,
    encoder: CLIPTextModel,
    tokens: CLIPTokenizer,
    scaling_factor: float,
) -> None:
    """Write all parts in half precision. `scaling_factor` brings the latents to deviation 1."""
    vae = deepcopy(vae)
    vae.register_to_config(scaling_factor=scaling_factor)
    pipeline = StableDiffusionPipeline(
        vae=_halved(vae),
        text_encoder=_halved(deepcopy(encoder)),
        tokenizer=tokens,
        unet=_halved(deepcopy(unet)),
        scheduler=denoiser.noise_scheduler(),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipeline.save_pretrained(folder)
    _load_in_single_precision(folder / "text_encoder" / "config.json")
    _write_vocabulary(folder / "tokenizer")


def _halved(module: Any) -> Any:
    return module.to(dtype=torch.float16, memory_format=torch.contiguous_format)


def _load_in_single_precision(config: Path) -> None:
    """Make float32 the text encoder's default type.

    Without a `torch_dtype`, diffusers loads its own parts as float32, but transformers takes the type in the config: a
    text encoder of float16 beside a unet of float32 makes the pipeline fail.
    """
    settings = json.loads(config.read_text())
    settings["dtype"] = "float32"
    config.write_text(json.dumps(settings, indent=2, sort_keys=True) + "\n")


def _write_vocabulary(folder: Path) -> None:
    """Write the tokenizer's vocabulary and merges as separate files, for older programs."""
    model = json.loads((folder / "tokenizer.json").read_text())["model"]
    merges = "".join(f"{left} {right}\n" for left, right in model["merges"])
    (folder / "vocab.json").write_text(json.dumps(model["vocab"], ensure_ascii=False))
    (folder / "merges.txt").write_text(f"#version: 0.2\n{merges}")
