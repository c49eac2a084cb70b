"""Configurations of a single file's denoiser and VAE, from its tensors' shapes.

Shapes do not determine everything; the rest is as in the family's original checkpoints: heads 64 wide since version 2,
8 heads before; groups of 32 channels.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from generation.engine.checkpoints.store.inspection import Contents, Tensors, numbers_in
from generation.engine.checkpoints.store.weights import Unusable
from generation.engine.enums import Family

Config = dict[str, Any]

EPSILON, VELOCITY = "epsilon", "v_prediction"
PREDICTIONS = (EPSILON, VELOCITY)
HEAD_WIDTH = 64
_TIME_ID_WIDTH = 256
_LATENT_SIDES = {Family.SD1: 64, Family.SDXL: 128, Family.SD3: 128}
VAE_SCALES: Mapping[Family, Config] = {
    Family.SD1: {"scaling_factor": 0.18215},
    Family.SD2: {"scaling_factor": 0.18215},
    Family.SDXL: {"scaling_factor": 0.13025, "force_upcast": True},
    Family.SD3: {"scaling_factor": 1.5305, "shift_factor": 0.0609},
}
# Community checkpoints of the XL family mark themselves with a tensor of this name.
_VELOCITY_SIGN = "v_pred"
# Trainers note it in the header.
_PREDICTION_NOTE = "modelspec.prediction_type"
_NOTED_PREDICTIONS = {"epsilon": EPSILON, "v": VELOCITY, VELOCITY: VELOCITY}


@dataclass(frozen=True)
class _Level:
    """One resolution of a unet: its channels, resnets, and transformer blocks after each."""

    channels: int
    layers: int
    depth: int


def denoiser(contents: Contents, prediction: str) -> Config:
    """Return the configuration of the unet or the transformer. Raises Unusable."""
    tensors = contents.under(contents.denoiser)
    try:
        if contents.family is Family.SD3:
            return _mmdit(tensors)
        return _unet(tensors, family=contents.family, prediction=prediction)
    except (KeyError, IndexError, ValueError) as error:
        raise Unusable(f"The denoiser is of no known geometry: {error!r}") from error


def prediction_of(
    contents: Contents, asked: str | None, metadata: Mapping[str, str] | None = None
) -> str:
    """Return the denoiser's prediction type. Raises Unusable if it must be given."""
    if asked is not None:
        return asked
    if contents.family is Family.SD3:
        # Flow matching has a prediction of its own: what is returned has no use.
        return EPSILON
    # Before the note, which merges keep from whichever model they began with.
    if _VELOCITY_SIGN in contents.tensors:
        return VELOCITY
    if noted := (metadata or {}).get(_PREDICTION_NOTE):
        if noted not in _NOTED_PREDICTIONS:
            raise Unusable(
                f"The file says that it predicts {noted!r}, and only epsilon and v are known here. If it is "
                "wrong, say so: --prediction."
            )
        return _NOTED_PREDICTIONS[noted]
    if contents.family is Family.SD2:
        raise Unusable(
            "Nothing in a Stable Diffusion 2 file says what it predicts. Say so: --prediction "
            f"{VELOCITY} for one of 768 pixels, --prediction {EPSILON} for one of 512."
        )
    return EPSILON


def vae(contents: Contents) -> Config:
    """Return the configuration of the VAE. Raises Unusable."""
    assert contents.vae is not None
    tensors = contents.under(contents.vae)
    try:
        levels = 1 + max(numbers_in(tensors, r"encoder\.down\.(\d+)\."))
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
            "layers_per_block": len(numbers_in(tensors, r"encoder\.down\.0\.block\.(\d+)\.")),
            "latent_channels": tensors["decoder.conv_in.weight"].shape[1],
            "use_quant_conv": "quant_conv.weight" in tensors,
            "use_post_quant_conv": "post_quant_conv.weight" in tensors,
            "sample_size": _LATENT_SIDES.get(contents.family, 96) << (levels - 1),
            **VAE_SCALES[contents.family],
        }
    except (KeyError, ValueError) as error:
        raise Unusable(f"The VAE is of no known geometry: {error!r}") from error


def _unet(tensors: Tensors, *, family: Family, prediction: str) -> Config:
    levels = _levels(tensors)
    middle = len(numbers_in(tensors, r"middle_block\.1\.transformer_blocks\.(\d+)\."))
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
        # diffusers builds the middle with the last level's number, also if that level has none.
        "transformer_layers_per_block": [
            *(level.depth or 1 for level in levels[:-1]),
            levels[-1].depth or middle,
        ],
        "cross_attention_dim": tensors[first].shape[1],
        "attention_head_dim": [each // HEAD_WIDTH for each in channels] if is_linear else 8,
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
    """Return the unet's levels from top to bottom; a down-sampling ends each. Raises ValueError."""
    levels: list[_Level] = []
    layers: list[tuple[int, int]] = []
    for number in sorted(numbers_in(tensors, r"input_blocks\.(\d+)\.") - {0}):
        block = f"input_blocks.{number}"
        if f"{block}.0.op.weight" in tensors:
            levels.append(_level(layers))
            layers = []
            continue
        depth = len(numbers_in(tensors, rf"input_blocks\.{number}\.1\.transformer_blocks\.(\d+)\."))
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
        "num_layers": 1 + max(numbers_in(tensors, r"joint_blocks\.(\d+)\.")),
        "attention_head_dim": HEAD_WIDTH,
        "num_attention_heads": width // HEAD_WIDTH,
        "joint_attention_dim": tensors["context_embedder.weight"].shape[1],
        "caption_projection_dim": width,
        "pooled_projection_dim": tensors["y_embedder.mlp.0.weight"].shape[1],
        "pos_embed_max_size": round(tensors["pos_embed"].shape[1] ** 0.5),
        "dual_attention_layers": sorted(
            numbers_in(tensors, r"joint_blocks\.(\d+)\.x_block\.attn2\.qkv\.weight")
        ),
        "qk_norm": "rms_norm" if "joint_blocks.0.x_block.attn.ln_q.weight" in tensors else None,
    }
