"""Checkpoints of full size with random weights in half precision: good for time and memory, not for pictures."""

import gc
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import torch
from diffusers import (
    AutoencoderKL,
    DDIMScheduler,
    EulerDiscreteScheduler,
    FlowMatchEulerDiscreteScheduler,
    SD3Transformer2DModel,
    StableDiffusion3Pipeline,
    StableDiffusionPipeline,
    StableDiffusionXLPipeline,
    UNet2DConditionModel,
)
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

from generation.engine.loading.loader import pick_device
from tests.bench.site import data_folder
from tests.engine.toy_checkpoints import clip_tokenizer

_DEVIATION = 0.02
_SCHEDULE = {"beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012}
_LENGTH = 77


@cache
def root() -> Path:
    """The folder that holds them, where the running site looks for its checkpoints; removed in the end."""
    folder = data_folder() / "checkpoints"
    folder.mkdir(exist_ok=True)
    return folder


def write(id: str) -> None:
    """Write one of PIPELINES into its folder."""
    torch.manual_seed(0)
    PIPELINES[id]().save_pretrained(root() / id, max_shard_size="20GB")
    # A pipeline is in a circle of references: its gigabytes are wanted back before another process loads.
    gc.collect()


def _sd1() -> StableDiffusionPipeline:
    return StableDiffusionPipeline(
        tokenizer=_tokenizer(),
        text_encoder=_encoder(CLIPTextModel, width=768, layers=12, heads=12),
        unet=_random(
            lambda: UNet2DConditionModel(
                sample_size=64, cross_attention_dim=768, attention_head_dim=8
            )
        ),
        vae=_vae(scaling_factor=0.18215),
        scheduler=DDIMScheduler(
            **_SCHEDULE, steps_offset=1, clip_sample=False, set_alpha_to_one=False
        ),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


def _sdxl() -> StableDiffusionXLPipeline:
    return StableDiffusionXLPipeline(
        tokenizer=_tokenizer(),
        tokenizer_2=_tokenizer(),
        text_encoder=_encoder(CLIPTextModel, width=768, layers=12, heads=12),
        text_encoder_2=_encoder(CLIPTextModelWithProjection, width=1280, layers=32, heads=20),
        unet=_random(
            lambda: UNet2DConditionModel(
                sample_size=128,
                block_out_channels=(320, 640, 1280),
                down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
                up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
                transformer_layers_per_block=(1, 2, 10),
                attention_head_dim=(5, 10, 20),
                cross_attention_dim=2048,
                use_linear_projection=True,
                addition_embed_type="text_time",
                addition_time_embed_dim=256,
                projection_class_embeddings_input_dim=2816,
            )
        ),
        vae=_vae(scaling_factor=0.13025, force_upcast=True),
        scheduler=EulerDiscreteScheduler(**_SCHEDULE, steps_offset=1, timestep_spacing="leading"),
        add_watermarker=False,
    )


def _sd3() -> StableDiffusion3Pipeline:
    """Without its third text encoder, which it can do without."""
    return StableDiffusion3Pipeline(
        tokenizer=_tokenizer(),
        tokenizer_2=_tokenizer(),
        tokenizer_3=None,
        text_encoder=_encoder(CLIPTextModelWithProjection, width=768, layers=12, heads=12),
        text_encoder_2=_encoder(CLIPTextModelWithProjection, width=1280, layers=32, heads=20),
        text_encoder_3=None,
        transformer=_random(
            lambda: SD3Transformer2DModel(
                sample_size=128,
                patch_size=2,
                in_channels=16,
                out_channels=16,
                num_layers=24,
                num_attention_heads=24,
                attention_head_dim=64,
                joint_attention_dim=4096,
                caption_projection_dim=1536,
                pooled_projection_dim=2048,
                pos_embed_max_size=192,
            )
        ),
        vae=_vae(
            latent_channels=16,
            scaling_factor=1.5305,
            shift_factor=0.0609,
            use_quant_conv=False,
            use_post_quant_conv=False,
        ),
        scheduler=FlowMatchEulerDiscreteScheduler(shift=3.0),
    )


PIPELINES: dict[str, Callable[[], Any]] = {"sd-1.5": _sd1, "sdxl-1.0": _sdxl, "sd-3": _sd3}


def _random(build: Callable[[], Any]) -> Any:
    """A model whose weights are drawn in half precision, without ever being there in single."""
    with torch.device("meta"):
        model = build().half()
    model = model.to_empty(device=pick_device())
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if name.endswith("bias"):
                weight.zero_()
            elif weight.dim() == 1:
                weight.fill_(1.0)
            else:
                weight.normal_(0.0, _DEVIATION)
        for buffer in model.buffers():
            buffer.zero_()
    return model.eval()


def _encoder(model_class: Any, *, width: int, layers: int, heads: int) -> Any:
    config = CLIPTextConfig(
        hidden_size=width,
        intermediate_size=4 * width,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        projection_dim=width,
        max_position_embeddings=_LENGTH,
        bos_token_id=0,
        eos_token_id=1,
        pad_token_id=1,
    )
    encoder = _random(lambda: model_class(config))
    for name, buffer in encoder.named_buffers():
        if name.endswith("position_ids"):
            buffer.copy_(torch.arange(_LENGTH)[None])
    return encoder


def _vae(*, latent_channels: int = 4, **options: Any) -> AutoencoderKL:
    return _random(
        lambda: AutoencoderKL(
            block_out_channels=(128, 256, 512, 512),
            layers_per_block=2,
            down_block_types=("DownEncoderBlock2D",) * 4,
            up_block_types=("UpDecoderBlock2D",) * 4,
            latent_channels=latent_channels,
            **options,
        )
    )


def _tokenizer() -> Any:
    tokenizer = clip_tokenizer()
    tokenizer.model_max_length = _LENGTH
    return tokenizer
