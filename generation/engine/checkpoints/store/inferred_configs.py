"""Configurations of the parts in a single file, from the shapes of their tensors.

What shapes can't tell is as in the original checkpoints of the family: heads 64 wide from version 2 on,
8 heads before; groups of 32 channels; the noise schedule that all of them were trained with.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from generation.engine.checkpoints.store.inspection import (
    DENOISER,
    Contents,
    Encoder,
    Layout,
    Tensors,
)
from generation.engine.checkpoints.store.weights import Unusable
from generation.engine.enums import Family

Config = dict[str, Any]

EPSILON, VELOCITY = "epsilon", "v_prediction"
PREDICTIONS = (EPSILON, VELOCITY)
_HEAD_WIDTH = 64
_TIME_ID_WIDTH = 256
_LATENT_SIDES = {Family.SD1: 64, Family.SDXL: 128, Family.SD3: 128}
_VAE_SCALES: Mapping[Family, Config] = {
    Family.SD1: {"scaling_factor": 0.18215},
    Family.SD2: {"scaling_factor": 0.18215},
    Family.SDXL: {"scaling_factor": 0.13025, "force_upcast": True},
    Family.SD3: {"scaling_factor": 1.5305, "shift_factor": 0.0609},
}
# Community checkpoints of the XL family say so themselves, by a tensor of this name.
_VELOCITY_SIGN, _ZERO_SNR_SIGN = "v_pred", "ztsnr"
_CLIP_WORDS = (
    "text_model.embeddings.token_embedding.weight",
    "embeddings.token_embedding.weight",
)


@dataclass(frozen=True)
class _Level:
    """One resolution of a unet: its channels, resnets, and transformer blocks after each."""

    channels: int
    layers: int
    depth: int


def denoiser(contents: Contents, prediction: str) -> Config:
    """Return the configuration of the unet or the transformer. Raises Unusable."""
    tensors = contents.under(DENOISER)
    try:
        if contents.family is Family.SD3:
            return _mmdit(tensors)
        return _unet(tensors, family=contents.family, prediction=prediction)
    except (KeyError, IndexError, ValueError) as error:
        raise Unusable(f"The denoiser is of no known geometry: {error!r}") from error


def scheduler(contents: Contents, prediction: str) -> Config:
    """Return what the noise schedule is made from."""
    if contents.family is Family.SD3:
        return {
            "_class_name": "FlowMatchEulerDiscreteScheduler",
            "num_train_timesteps": 1000,
            "shift": 3.0,
        }
    common = {
        "num_train_timesteps": 1000,
        "beta_schedule": "scaled_linear",
        "beta_start": 0.00085,
        "beta_end": 0.012,
        "steps_offset": 1,
        "timestep_spacing": "leading",
        "prediction_type": prediction,
    }
    if contents.family is Family.SDXL:
        return {
            "_class_name": "EulerDiscreteScheduler",
            **common,
            "rescale_betas_zero_snr": _ZERO_SNR_SIGN in contents.tensors,
        }
    return {
        "_class_name": "DDIMScheduler",
        **common,
        "clip_sample": False,
        "set_alpha_to_one": False,
    }


def prediction_of(contents: Contents, asked: str | None) -> str:
    """Return what the denoiser predicts, as far as it can be known. Raises Unusable."""
    if asked is not None:
        return asked
    if contents.family is Family.SD2:
        raise Unusable(
            "Nothing in a Stable Diffusion 2 file says what it predicts. Say so: --prediction "
            f"{VELOCITY} for one of 768 pixels, --prediction {EPSILON} for one of 512."
        )
    return VELOCITY if _VELOCITY_SIGN in contents.tensors else EPSILON


def vae(contents: Contents) -> Config:
    """Return the configuration of the VAE. Raises Unusable."""
    tensors = contents.under(contents.vae)
    try:
        levels = 1 + max(_numbers(tensors, r"encoder\.down\.(\d+)\."))
        channels = [
            tensors[f"encoder.down.{level}.block.0.conv1.weight"].shape[0]
            for level in range(levels)
        ]
        return {
            "_class_name": "AutoencoderKL",
            "in_channels": 3,
            "out_channels": 3,
            "block_out_channels": channels,
            "down_block_types": ["DownEncoderBlock2D"] * levels,
            "up_block_types": ["UpDecoderBlock2D"] * levels,
            "layers_per_block": len(_numbers(tensors, r"encoder\.down\.0\.block\.(\d+)\.")),
            "latent_channels": tensors["decoder.conv_in.weight"].shape[1],
            "use_quant_conv": "quant_conv.weight" in tensors,
            "use_post_quant_conv": "post_quant_conv.weight" in tensors,
            "sample_size": _LATENT_SIDES.get(contents.family, 96) << (levels - 1),
            **_VAE_SCALES[contents.family],
        }
    except (KeyError, ValueError) as error:
        raise Unusable(f"The VAE is of no known geometry: {error!r}") from error


def vocabulary_size(contents: Contents) -> int:
    """Return how many words CLIP's encoders know: all of them the same."""
    for encoder in contents.encoders:
        if encoder.layout is not Layout.T5:
            tensors = contents.under(encoder.prefix)
            for name in ("token_embedding.weight", *_CLIP_WORDS):
                if name in tensors:
                    return tensors[name].shape[0]
    raise Unusable("The file's text encoder has no words.")


def text_encoder(contents: Contents, encoder: Encoder, *, ids: Mapping[str, int]) -> Config:
    """Return the configuration of a text encoder; `ids` are its vocabulary's marks. Raises Unusable."""
    tensors = contents.under(encoder.prefix)
    try:
        if encoder.layout is Layout.T5:
            return _t5(tensors)
        shape = _clip if encoder.layout is Layout.CLIP else _open_clip
        return {**shape(tensors, family=contents.family, part=encoder.part), **ids}
    except (KeyError, ValueError) as error:
        raise Unusable(f"{encoder.part} is of no known geometry: {error!r}") from error


def _unet(tensors: Tensors, *, family: Family, prediction: str) -> Config:
    levels = _levels(tensors)
    middle = len(_numbers(tensors, r"middle_block\.1\.transformer_blocks\.(\d+)\."))
    attends = [level.depth > 0 for level in levels]
    channels = [level.channels for level in levels]
    first = next(
        name for name in tensors if name.endswith(".1.transformer_blocks.0.attn2.to_k.weight")
    )
    projection = tensors[first.replace("transformer_blocks.0.attn2.to_k", "proj_in")]
    is_linear = len(projection.shape) == 2
    side = 96 if prediction == VELOCITY and family is Family.SD2 else 64
    config: Config = {
        "_class_name": "UNet2DConditionModel",
        "sample_size": side if family is Family.SD2 else _LATENT_SIDES[family],
        "in_channels": tensors["input_blocks.0.0.weight"].shape[1],
        "out_channels": tensors["out.2.weight"].shape[0],
        "block_out_channels": channels,
        "layers_per_block": levels[0].layers,
        "down_block_types": ["CrossAttnDownBlock2D" if a else "DownBlock2D" for a in attends],
        "up_block_types": ["CrossAttnUpBlock2D" if a else "UpBlock2D" for a in reversed(attends)],
        # The middle has as many as the last level says, also where that has none itself.
        "transformer_layers_per_block": [
            *(level.depth or 1 for level in levels[:-1]),
            levels[-1].depth or middle,
        ],
        "cross_attention_dim": tensors[first].shape[1],
        "attention_head_dim": [each // _HEAD_WIDTH for each in channels] if is_linear else 8,
        "use_linear_projection": is_linear,
    }
    if family is Family.SDXL:
        config |= {
            "addition_embed_type": "text_time",
            "addition_time_embed_dim": _TIME_ID_WIDTH,
            "projection_class_embeddings_input_dim": tensors["label_emb.0.0.weight"].shape[1],
        }
    return config


def _levels(tensors: Tensors) -> list[_Level]:
    """Walk down the unet: resnets with as many transformer blocks, until the next down-sampling."""
    levels: list[_Level] = []
    layers: list[tuple[int, int]] = []
    for number in sorted(_numbers(tensors, r"input_blocks\.(\d+)\.") - {0}):
        block = f"input_blocks.{number}"
        if f"{block}.0.op.weight" in tensors:
            levels.append(_level(layers))
            layers = []
            continue
        depth = len(_numbers(tensors, rf"input_blocks\.{number}\.1\.transformer_blocks\.(\d+)\."))
        layers.append((tensors[f"{block}.0.out_layers.3.weight"].shape[0], depth))
    return [*levels, _level(layers)]


def _level(layers: Sequence[tuple[int, int]]) -> _Level:
    if len(set(layers)) != 1:
        raise ValueError(f"a level whose layers differ: {layers}")
    channels, depth = layers[0]
    return _Level(channels=channels, layers=len(layers), depth=depth)


def _mmdit(tensors: Tensors) -> Config:
    width = tensors["context_embedder.weight"].shape[0]
    patch = tensors["x_embedder.proj.weight"].shape
    return {
        "_class_name": "SD3Transformer2DModel",
        "sample_size": _LATENT_SIDES[Family.SD3],
        "patch_size": patch[-1],
        "in_channels": patch[1],
        "out_channels": tensors["final_layer.linear.weight"].shape[0] // patch[-1] ** 2,
        "num_layers": 1 + max(_numbers(tensors, r"joint_blocks\.(\d+)\.")),
        "attention_head_dim": _HEAD_WIDTH,
        "num_attention_heads": width // _HEAD_WIDTH,
        "joint_attention_dim": tensors["context_embedder.weight"].shape[1],
        "caption_projection_dim": width,
        "pooled_projection_dim": tensors["y_embedder.mlp.0.weight"].shape[1],
        "pos_embed_max_size": round(tensors["pos_embed"].shape[1] ** 0.5),
        "dual_attention_layers": sorted(
            _numbers(tensors, r"joint_blocks\.(\d+)\.x_block\.attn2\.qkv\.weight")
        ),
        "qk_norm": "rms_norm" if "joint_blocks.0.x_block.attn.ln_q.weight" in tensors else None,
    }


def _clip(tensors: Tensors, *, family: Family, part: str) -> Config:
    """CLIP as transformers names it; OpenAI's own has another activation than OpenCLIP's."""
    named = {name.removeprefix("text_model."): tensor for name, tensor in tensors.items()}
    vocabulary, width = named["embeddings.token_embedding.weight"].shape
    projection = named.get("text_projection.weight")
    return _clip_config(
        vocabulary=vocabulary,
        width=width,
        length=named["embeddings.position_embedding.weight"].shape[0],
        layers=1 + max(_numbers(named, r"encoder\.layers\.(\d+)\.")),
        inner=named["encoder.layers.0.mlp.fc1.weight"].shape[0],
        projection=projection.shape[0] if projection else width,
        activation="gelu" if part == "text_encoder_2" else "quick_gelu",
        is_projected=family is Family.SD3,
    )


def _open_clip(tensors: Tensors, *, family: Family, part: str) -> Config:
    vocabulary, width = tensors["token_embedding.weight"].shape
    layers = 1 + max(_numbers(tensors, r"transformer\.resblocks\.(\d+)\."))
    projection = tensors.get("text_projection")
    return _clip_config(
        vocabulary=vocabulary,
        width=width,
        length=tensors["positional_embedding"].shape[0],
        # Stable Diffusion 2 never uses the last one.
        layers=layers - 1 if family is Family.SD2 else layers,
        inner=tensors["transformer.resblocks.0.mlp.c_fc.weight"].shape[0],
        projection=projection.shape[1] if projection else width,
        activation="gelu",
        is_projected=family is not Family.SD2,
    )


def _clip_config(
    *,
    vocabulary: int,
    width: int,
    length: int,
    layers: int,
    inner: int,
    projection: int,
    activation: str,
    is_projected: bool,
) -> Config:
    name = "CLIPTextModelWithProjection" if is_projected else "CLIPTextModel"
    return {
        "architectures": [name],
        "model_type": "clip_text_model",
        "vocab_size": vocabulary,
        "hidden_size": width,
        "max_position_embeddings": length,
        "num_hidden_layers": layers,
        "num_attention_heads": width // _HEAD_WIDTH,
        "intermediate_size": inner,
        "projection_dim": projection,
        "hidden_act": activation,
        "layer_norm_eps": 1e-5,
    }


def _t5(tensors: Tensors) -> Config:
    vocabulary, width = tensors["shared.weight"].shape
    buckets, heads = tensors[
        "encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight"
    ].shape
    return {
        "architectures": ["T5EncoderModel"],
        "model_type": "t5",
        "vocab_size": vocabulary,
        "d_model": width,
        "d_kv": tensors["encoder.block.0.layer.0.SelfAttention.q.weight"].shape[0] // heads,
        "d_ff": tensors["encoder.block.0.layer.1.DenseReluDense.wi_0.weight"].shape[0],
        "num_layers": 1 + max(_numbers(tensors, r"encoder\.block\.(\d+)\.")),
        "num_heads": heads,
        "relative_attention_num_buckets": buckets,
        "feed_forward_proj": "gated-gelu",
        "is_encoder_decoder": False,
    }


def _numbers(tensors: Tensors, pattern: str) -> set[int]:
    """Return the numbers that the tensors' names have where the pattern's group is."""
    compiled = re.compile(pattern)
    return {int(match[1]) for name in tensors if (match := compiled.match(name))}
