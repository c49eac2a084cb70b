"""Toy checkpoints: the real classes with a few thousand random weights each."""

from pathlib import Path
from typing import Any

import torch
from diffusers import (
    AutoencoderKL,
    AutoencoderTiny,
    DDIMScheduler,
    StableDiffusionPipeline,
    UNet2DConditionModel,
)
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from generation.engine.catalogue import Checkpoint, Family, Mode

PROMPT_LENGTH = 12


def toy(id: str = "toy") -> Checkpoint:
    """Return a catalogue entry for a toy checkpoint."""
    return Checkpoint(
        id=id,
        name=id.capitalize(),
        family=Family.SD1,
        source=f"tests/{id}",
        native_size=32,
        multiple=8,
        min_size=16,
        max_size=64,
        num_inference_steps=4,
        guidance_scale=5.0,
        noise_scheduler="ddim",
        credits=1,
        modes=frozenset({Mode.TEXT_TO_IMAGE}),
        summary="Random weights.",
        start_ms_per_step_megapixel=1_000,
    )


def write(
    folder: Path, *, v_prediction: bool = False, tiny_vae: bool = False, seed: int = 0
) -> None:
    """Write a toy checkpoint of the Stable Diffusion 1 layout."""
    torch.manual_seed(seed)
    pipeline = StableDiffusionPipeline(
        tokenizer=_tokenizer(),
        text_encoder=_text_encoder(),
        unet=_unet(),
        vae=_tiny_vae() if tiny_vae else _vae(),
        scheduler=_scheduler(v_prediction=v_prediction),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipeline.save_pretrained(folder)


def _tokenizer() -> CLIPTokenizer:
    letters = "abcdefghijklmnopqrstuvwxyz"
    tokens = [
        "<|startoftext|>",
        "<|endoftext|>",
        *letters,
        *(f"{letter}</w>" for letter in letters),
    ]
    vocabulary = {token: index for index, token in enumerate(tokens)}
    tokenizer = CLIPTokenizer(vocab=vocabulary, merges=[])
    tokenizer.model_max_length = PROMPT_LENGTH
    return tokenizer


def _text_encoder() -> CLIPTextModel:
    config = CLIPTextConfig(
        vocab_size=54,
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=PROMPT_LENGTH,
        bos_token_id=0,
        eos_token_id=1,
        pad_token_id=1,
    )
    return CLIPTextModel(config)


def _unet() -> UNet2DConditionModel:
    return UNet2DConditionModel(
        sample_size=16,
        block_out_channels=(16, 32),
        layers_per_block=1,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=16,
        attention_head_dim=4,
        norm_num_groups=8,
    )


def _vae() -> AutoencoderKL:
    return AutoencoderKL(
        block_out_channels=(8, 16),
        down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2,
        norm_num_groups=4,
        latent_channels=4,
        sample_size=32,
    )


def _tiny_vae() -> AutoencoderTiny:
    return AutoencoderTiny(
        encoder_block_out_channels=(8, 8),
        decoder_block_out_channels=(8, 8),
        num_encoder_blocks=(1, 1),
        num_decoder_blocks=(1, 1),
    )


def _scheduler(*, v_prediction: bool) -> DDIMScheduler:
    options: dict[str, Any] = {"clip_sample": False, "steps_offset": 1, "set_alpha_to_one": False}
    if v_prediction:
        options |= {"prediction_type": "v_prediction", "timestep_spacing": "trailing"}
    else:
        options |= {"beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012}
    return DDIMScheduler(**options)
