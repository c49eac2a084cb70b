"""Small pipelines of every kind that is published as a single file.

Their proportions are those that a single file's shapes cannot tell and that all originals share: heads
64 wide, channels in groups of 32.
"""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from diffusers import (
    AutoencoderKL,
    SD3Transformer2DModel,
    StableDiffusion3Pipeline,
    StableDiffusionPipeline,
    StableDiffusionXLImg2ImgPipeline,
    StableDiffusionXLPipeline,
    UNet2DConditionModel,
)
from transformers import (
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTextModelWithProjection,
    T5Config,
    T5EncoderModel,
)

from tests.engine import published_schedules
from tests.engine.published_schedules import SD1, SD2, SD2_BASE, SD3, SDXL
from tests.engine.toy_checkpoints import PROMPT_LENGTH, clip_tokenizer, t5_tokenizer

WIDTH = 64
T5_WIDTH = 192


def sd1(*, channels: int = 4) -> StableDiffusionPipeline:
    return _stable_diffusion(
        unet(in_channels=channels, attention_head_dim=8), _clip(CLIPTextModel, "quick_gelu")
    )


def sd2(*, prediction: str) -> StableDiffusionPipeline:
    side = 96 if prediction == "v_prediction" else 64
    model = unet(sample_size=side, attention_head_dim=[1, 2], use_linear_projection=True)
    schedule = SD2 if prediction == "v_prediction" else SD2_BASE
    return _stable_diffusion(model, _clip(CLIPTextModel, "gelu"), schedule)


def sdxl() -> StableDiffusionXLPipeline:
    return StableDiffusionXLPipeline(
        tokenizer=clip_tokenizer(),
        tokenizer_2=clip_tokenizer(),
        text_encoder=_clip(CLIPTextModel, "quick_gelu"),
        text_encoder_2=_clip(CLIPTextModelWithProjection, "gelu"),
        unet=_xl_unet(time_ids=6, encoders=2),
        vae=vae(scaling_factor=0.13025),
        scheduler=published_schedules.scheduler(SDXL),
        add_watermarker=False,
    )


def refiner() -> StableDiffusionXLImg2ImgPipeline:
    return StableDiffusionXLImg2ImgPipeline(
        tokenizer=None,
        text_encoder=None,
        tokenizer_2=clip_tokenizer(),
        text_encoder_2=_clip(CLIPTextModelWithProjection, "gelu"),
        unet=_xl_unet(time_ids=5, encoders=1),
        vae=vae(scaling_factor=0.13025),
        scheduler=published_schedules.scheduler(SDXL),
        requires_aesthetics_score=True,
        force_zeros_for_empty_prompt=False,
        add_watermarker=False,
    )


def sd3(*, with_t5: bool = True, **options: Any) -> StableDiffusion3Pipeline:
    first = _clip(CLIPTextModelWithProjection, "quick_gelu")
    # The original has no projection after its first encoder.
    first.text_projection.weight.data = torch.eye(WIDTH)
    return StableDiffusion3Pipeline(
        tokenizer=clip_tokenizer(),
        tokenizer_2=clip_tokenizer(),
        tokenizer_3=t5_tokenizer() if with_t5 else None,
        text_encoder=first,
        text_encoder_2=_clip(CLIPTextModelWithProjection, "gelu"),
        text_encoder_3=_t5() if with_t5 else None,
        transformer=SD3Transformer2DModel(
            sample_size=128,
            patch_size=2,
            in_channels=16,
            out_channels=16,
            num_layers=3,
            attention_head_dim=64,
            num_attention_heads=1,
            caption_projection_dim=64,
            joint_attention_dim=T5_WIDTH,
            pooled_projection_dim=2 * WIDTH,
            pos_embed_max_size=32,
            **options,
        ),
        vae=vae(
            latent_channels=16,
            shift_factor=0.0609,
            scaling_factor=1.5305,
            use_quant_conv=False,
            use_post_quant_conv=False,
        ),
        scheduler=published_schedules.scheduler(SD3),
    )


def unet(**options: Any) -> UNet2DConditionModel:
    return UNet2DConditionModel(
        **{
            "sample_size": 64,
            "in_channels": 4,
            "block_out_channels": (64, 128),
            "layers_per_block": 1,
            "down_block_types": ("CrossAttnDownBlock2D", "DownBlock2D"),
            "up_block_types": ("UpBlock2D", "CrossAttnUpBlock2D"),
            "cross_attention_dim": WIDTH,
            **options,
        }
    )


def vae(**options: Any) -> AutoencoderKL:
    return AutoencoderKL(
        block_out_channels=(32, 64),
        down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2,
        layers_per_block=2,
        **{"latent_channels": 4, **options},
    )


def _stable_diffusion(
    model: UNet2DConditionModel, encoder: Any, schedule: Mapping[str, Any] = SD1
) -> StableDiffusionPipeline:
    return StableDiffusionPipeline(
        tokenizer=clip_tokenizer(),
        text_encoder=encoder,
        unet=model,
        vae=vae(),
        scheduler=published_schedules.scheduler(schedule),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


def _xl_unet(*, time_ids: int, encoders: int) -> UNet2DConditionModel:
    return unet(
        sample_size=128,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=encoders * WIDTH,
        attention_head_dim=[1, 2],
        transformer_layers_per_block=[2, 2],
        use_linear_projection=True,
        addition_embed_type="text_time",
        addition_time_embed_dim=256,
        projection_class_embeddings_input_dim=time_ids * 256 + WIDTH,
    )


def _clip(model_class: Any, activation: str) -> Any:
    return model_class(
        CLIPTextConfig(
            vocab_size=54,
            hidden_size=WIDTH,
            intermediate_size=96,
            num_hidden_layers=3,
            num_attention_heads=1,
            max_position_embeddings=PROMPT_LENGTH,
            projection_dim=WIDTH,
            hidden_act=activation,
            bos_token_id=0,
            eos_token_id=1,
            pad_token_id=1,
        )
    ).eval()


def _t5() -> T5EncoderModel:
    return T5EncoderModel(
        T5Config(
            d_model=T5_WIDTH,
            d_kv=16,
            d_ff=64,
            num_layers=2,
            num_heads=4,
            vocab_size=140,
            feed_forward_proj="gated-gelu",
        )
    )


ORIGINALS: Mapping[str, Callable[[], Any]] = {
    "sd1": sd1,
    "sd1-inpaint": lambda: sd1(channels=9),
    "sd2-epsilon": lambda: sd2(prediction="epsilon"),
    "sd2-velocity": lambda: sd2(prediction="v_prediction"),
    "sdxl": sdxl,
    "sdxl-refiner": refiner,
    "sd3": sd3,
    "sd3-without-t5": lambda: sd3(with_t5=False),
    "sd3.5": lambda: sd3(qk_norm="rms_norm", dual_attention_layers=(0, 1)),
}
