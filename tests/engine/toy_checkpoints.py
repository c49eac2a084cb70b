"""Toy checkpoints: the real classes of every family with a few thousand random weights each."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch
from diffusers import (
    AutoencoderKL,
    AutoencoderTiny,
    SD3Transformer2DModel,
    StableDiffusion3Pipeline,
    StableDiffusionDepth2ImgPipeline,
    StableDiffusionPipeline,
    StableDiffusionUpscalePipeline,
    StableDiffusionXLImg2ImgPipeline,
    StableDiffusionXLPipeline,
    UNet2DConditionModel,
)
from transformers import (
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTextModelWithProjection,
    CLIPTokenizer,
    DPTConfig,
    DPTForDepthEstimation,
    T5Config,
    T5EncoderModel,
)
from transformers.models.dpt.image_processing_pil_dpt import DPTImageProcessorPil
from transformers.models.t5.tokenization_t5 import T5Tokenizer

from generation.engine.checkpoints import catalogue
from generation.engine.checkpoints.checkpoint import GENERAL, PAINTING, Checkpoint
from generation.engine.enums import Family, Mode
from tests.engine import published_schedules
from tests.engine.published_schedules import LCM, LOW_RES, SD1, SD2, SD2_BASE, SD3, SDXL, UPSCALER

PROMPT_LENGTH = 12
WIDTH = 16
LETTERS = "abcdefghijklmnopqrstuvwxyz"

_TOY = Checkpoint(
    id="toy",
    name="Toy",
    family=Family.SD1,
    source="tests/toy",
    native_size=32,
    multiple=8,
    min_size=16,
    max_size=128,
    num_inference_steps=4,
    guidance_scale=5.0,
    noise_scheduler="ddim",
    credits=1,
    modes=GENERAL,
    summary="Random weights.",
    start_ms_per_step_megapixel=1_000,
    text_layers=3,
)


@dataclass(frozen=True)
class Toy:
    """A catalogue entry, and what makes the pipeline of diffusers that is saved for it."""

    checkpoint: Checkpoint
    pipeline: Callable[[], Any]


def write(toy: Toy, folder: Path, *, seed: int = 0) -> None:
    """Write a toy checkpoint."""
    torch.manual_seed(seed)
    published_schedules.save(toy.pipeline(), folder)


def write_all(root: Path) -> None:
    """Write every toy checkpoint into a folder of its id."""
    for seed, (id, toy) in enumerate(TOYS.items()):
        write(toy, root / id, seed=seed)


def with_toys() -> Mapping[str, Checkpoint]:
    """Return the catalogue's checkpoints, the toys among them."""
    toys = {id: toy.checkpoint for id, toy in TOYS.items()}
    return MappingProxyType({**catalogue.CHECKPOINTS, **toys})


def add_to_catalogue() -> None:
    """Have this process know the toys, for as long as it lives."""
    catalogue.CHECKPOINTS = with_toys()


def _stable_diffusion(
    *, channels: int = 4, scheduler: Any = None, vae: Any = None, **unet: Any
) -> StableDiffusionPipeline:
    return StableDiffusionPipeline(
        tokenizer=clip_tokenizer(),
        text_encoder=_clip(CLIPTextModel),
        unet=_unet(in_channels=channels, **unet),
        vae=vae or _vae(),
        scheduler=scheduler or published_schedules.scheduler(SD1),
        **_NO_SAFETY,
    )


def _depth() -> StableDiffusionDepth2ImgPipeline:
    # Uninitialized batch norms of so small a model would give NaN: it is left in evaluation mode.
    estimator = DPTForDepthEstimation(
        DPTConfig(
            hidden_size=16,
            num_hidden_layers=4,
            num_attention_heads=2,
            intermediate_size=16,
            image_size=32,
            patch_size=8,
            backbone_out_indices=[0, 1, 2, 3],
            neck_hidden_sizes=[8, 8, 8, 8],
            fusion_hidden_size=8,
            reassemble_factors=[4, 2, 1, 0.5],
            is_hybrid=False,
        )
    ).eval()
    return StableDiffusionDepth2ImgPipeline(
        tokenizer=clip_tokenizer(),
        text_encoder=_clip(CLIPTextModel),
        unet=_unet(in_channels=5),
        vae=_vae(),
        scheduler=published_schedules.scheduler(SD2_BASE),
        depth_estimator=estimator,
        feature_extractor=DPTImageProcessorPil(size={"height": 32, "width": 32}),
    )


def _upscaler() -> StableDiffusionUpscalePipeline:
    vae = AutoencoderKL(
        block_out_channels=(8, 16, 16),
        down_block_types=("DownEncoderBlock2D",) * 3,
        up_block_types=("UpDecoderBlock2D",) * 3,
        norm_num_groups=4,
        latent_channels=4,
        sample_size=32,
        scaling_factor=0.08333,
    )
    return StableDiffusionUpscalePipeline(
        tokenizer=clip_tokenizer(),
        text_encoder=_clip(CLIPTextModel),
        unet=_unet(in_channels=7, num_class_embeds=1000),
        vae=vae,
        scheduler=published_schedules.scheduler(UPSCALER),
        low_res_scheduler=published_schedules.scheduler(LOW_RES),
        max_noise_level=350,
    )


def _xl() -> StableDiffusionXLPipeline:
    return StableDiffusionXLPipeline(
        tokenizer=clip_tokenizer(),
        tokenizer_2=clip_tokenizer(),
        text_encoder=_clip(CLIPTextModel),
        text_encoder_2=_clip(CLIPTextModelWithProjection),
        unet=_xl_unet(time_ids=6, encoders=2),
        vae=_vae(),
        scheduler=published_schedules.scheduler(SDXL),
        add_watermarker=False,
    )


def _xl_refiner() -> StableDiffusionXLImg2ImgPipeline:
    return StableDiffusionXLImg2ImgPipeline(
        tokenizer=None,
        tokenizer_2=clip_tokenizer(),
        text_encoder=None,
        text_encoder_2=_clip(CLIPTextModelWithProjection),
        unet=_xl_unet(time_ids=5, encoders=1),
        vae=_vae(),
        scheduler=published_schedules.scheduler(SDXL),
        requires_aesthetics_score=True,
        force_zeros_for_empty_prompt=False,
        add_watermarker=False,
    )


def _sd3(*, with_t5: bool = True, **scheduler: Any) -> StableDiffusion3Pipeline:
    t5 = T5EncoderModel(
        T5Config(
            d_model=4 * WIDTH,
            d_kv=8,
            d_ff=32,
            num_layers=2,
            num_heads=2,
            vocab_size=140,
            feed_forward_proj="gated-gelu",
        )
    )
    return StableDiffusion3Pipeline(
        tokenizer=clip_tokenizer(),
        tokenizer_2=clip_tokenizer(),
        tokenizer_3=t5_tokenizer() if with_t5 else None,
        text_encoder=_clip(CLIPTextModelWithProjection),
        text_encoder_2=_clip(CLIPTextModelWithProjection),
        text_encoder_3=t5 if with_t5 else None,
        transformer=SD3Transformer2DModel(
            sample_size=32,
            patch_size=2,
            in_channels=16,
            out_channels=16,
            num_layers=2,
            attention_head_dim=8,
            num_attention_heads=4,
            caption_projection_dim=32,
            joint_attention_dim=4 * WIDTH,
            pooled_projection_dim=2 * WIDTH,
            pos_embed_max_size=32,
        ),
        vae=_vae(latent_channels=16, shift_factor=0.0609, scaling_factor=1.5305),
        scheduler=published_schedules.scheduler(SD3, **scheduler),
    )


_NO_SAFETY: Mapping[str, Any] = {
    "safety_checker": None,
    "feature_extractor": None,
    "requires_safety_checker": False,
}


def clip_tokenizer() -> CLIPTokenizer:
    tokens = [
        "<|startoftext|>",
        "<|endoftext|>",
        *LETTERS,
        *(f"{letter}</w>" for letter in LETTERS),
    ]
    vocabulary = {token: index for index, token in enumerate(tokens)}
    tokenizer = CLIPTokenizer(vocab=vocabulary, merges=[])
    tokenizer.model_max_length = PROMPT_LENGTH
    return tokenizer


def t5_tokenizer() -> T5Tokenizer:
    vocabulary = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁", -2.0)]
    vocabulary += [(letter, -3.0) for letter in LETTERS]
    return T5Tokenizer(vocab=vocabulary, extra_ids=0)


def _clip(model_class: Any) -> Any:
    return model_class(
        CLIPTextConfig(
            vocab_size=54,
            hidden_size=WIDTH,
            intermediate_size=32,
            num_hidden_layers=3,
            num_attention_heads=2,
            max_position_embeddings=PROMPT_LENGTH,
            projection_dim=WIDTH,
            bos_token_id=0,
            eos_token_id=1,
            pad_token_id=1,
        )
    ).eval()


def _unet(*, in_channels: int = 4, **options: Any) -> UNet2DConditionModel:
    return UNet2DConditionModel(
        sample_size=16,
        in_channels=in_channels,
        out_channels=4,
        block_out_channels=(16, 32),
        layers_per_block=1,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=WIDTH,
        attention_head_dim=4,
        norm_num_groups=8,
        **options,
    )


def _xl_unet(*, time_ids: int, encoders: int) -> UNet2DConditionModel:
    return UNet2DConditionModel(
        sample_size=16,
        block_out_channels=(16, 32),
        layers_per_block=1,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=encoders * WIDTH,
        attention_head_dim=(2, 4),
        transformer_layers_per_block=(1, 2),
        use_linear_projection=True,
        addition_embed_type="text_time",
        addition_time_embed_dim=8,
        projection_class_embeddings_input_dim=time_ids * 8 + WIDTH,
        norm_num_groups=8,
    )


def _vae(**options: Any) -> AutoencoderKL:
    return AutoencoderKL(
        block_out_channels=(8, 16),
        down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2,
        norm_num_groups=4,
        sample_size=32,
        **{"latent_channels": 4, **options},
    )


def _tiny_vae() -> AutoencoderTiny:
    return AutoencoderTiny(
        encoder_block_out_channels=(8, 8),
        decoder_block_out_channels=(8, 8),
        num_encoder_blocks=(1, 1),
        num_decoder_blocks=(1, 1),
    )


def _toy(id: str, pipeline: Callable[[], Any], **entry: Any) -> Toy:
    return Toy(replace(_TOY, id=id, name=id.capitalize(), **entry), pipeline)


TOYS: Mapping[str, Toy] = {
    toy.checkpoint.id: toy
    for toy in (
        _toy("toy", _stable_diffusion),
        _toy(
            "toy-v",
            lambda: _stable_diffusion(
                scheduler=published_schedules.scheduler(SD2, timestep_spacing="trailing"),
                vae=_tiny_vae(),
            ),
        ),
        _toy(
            "toy-lcm",
            lambda: _stable_diffusion(
                scheduler=published_schedules.scheduler(LCM), time_cond_proj_dim=32
            ),
            noise_scheduler="lcm",
            guidance_scale=8.0,
            embeds_guidance=True,
        ),
        _toy("toy-inpaint", lambda: _stable_diffusion(channels=9), modes=PAINTING),
        _toy(
            "toy-sd2",
            lambda: _stable_diffusion(
                scheduler=published_schedules.scheduler(
                    SD2, timestep_spacing="trailing", rescale_betas_zero_snr=True
                )
            ),
            family=Family.SD2,
        ),
        _toy("toy-depth", _depth, family=Family.SD2, modes=frozenset({Mode.DEPTH_TO_IMAGE})),
        _toy(
            "toy-upscaler",
            _upscaler,
            family=Family.SD2,
            modes=frozenset({Mode.UPSCALE}),
            multiple=16,
            native_size=64,
            max_size=2048,
        ),
        _toy("toy-xl", _xl, family=Family.SDXL, refiner="toy-xl-refiner"),
        _toy(
            "toy-xl-refiner",
            _xl_refiner,
            family=Family.SDXL,
            modes=frozenset({Mode.IMAGE_TO_IMAGE}),
        ),
        _toy("toy-sd3", _sd3, family=Family.SD3, noise_scheduler="euler"),
        _toy(
            "toy-sd3-small",
            lambda: _sd3(with_t5=False, use_dynamic_shifting=True),
            family=Family.SD3,
            noise_scheduler="euler",
        ),
    )
}


def toy(id: str = "toy") -> Checkpoint:
    """Return a catalogue entry for a toy checkpoint."""
    return TOYS[id].checkpoint
