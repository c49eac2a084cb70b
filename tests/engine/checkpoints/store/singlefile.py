"""Checkpoints of diffusers as single files, with the names that the original programs gave their tensors.

The other way round from what is tested: written from the layout of the original programs, not from the
code that reads it.
"""

import re
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

Weights = dict[str, Tensor]

_RESNET = {
    "norm1": "in_layers.0",
    "conv1": "in_layers.2",
    "norm2": "out_layers.0",
    "conv2": "out_layers.3",
    "time_emb_proj": "emb_layers.1",
    "conv_shortcut": "skip_connection",
}
_VAE = {
    "down_blocks.": "down.",
    ".resnets.": ".block.",
    "downsamplers.0.conv": "downsample.conv",
    "upsamplers.0.conv": "upsample.conv",
    "conv_shortcut": "nin_shortcut",
    "conv_norm_out": "norm_out",
    "mid_block.block.0": "mid.block_1",
    "mid_block.block.1": "mid.block_2",
    "mid_block.attentions.0.group_norm": "mid.attn_1.norm",
    "mid_block.attentions.0.to_out.0": "mid.attn_1.proj_out",
    "mid_block.attentions.0.to_": "mid.attn_1.",
}
_OPEN_CLIP = {
    "embeddings.token_embedding.weight": "token_embedding.weight",
    "embeddings.position_embedding.weight": "positional_embedding",
    "encoder.layers.": "transformer.resblocks.",
    "layer_norm1": "ln_1",
    "layer_norm2": "ln_2",
    "mlp.fc1": "mlp.c_fc",
    "mlp.fc2": "mlp.c_proj",
    "self_attn.": "attn.",
    "final_layer_norm": "ln_final",
}


def single_file(pipeline: Any) -> Weights:
    """The pipeline's weights under their original names."""
    if hasattr(pipeline, "transformer"):
        return _sd3(pipeline)
    weights = unet(pipeline.unet) | vae(pipeline.vae)
    if hasattr(pipeline, "text_encoder_2"):
        return weights | _xl_encoders(pipeline)
    if pipeline.text_encoder.config.hidden_act == "gelu":
        last = pipeline.text_encoder.config.num_hidden_layers
        encoder = open_clip(pipeline.text_encoder, "cond_stage_model.model.")
        return weights | encoder | _one_layer_more(encoder, last)
    return weights | clip(pipeline.text_encoder, "cond_stage_model.transformer.")


def unet(model: Any) -> Weights:
    layers = model.config["layers_per_block"]
    attends = [name.startswith("CrossAttn") for name in model.config["up_block_types"]]

    def block(match: re.Match[str]) -> str:
        side, level, kind, layer = match[1], int(match[2]), match[3], int(match[4])
        number = level * (layers + 1) + layer
        if side == "down":
            return f"input_blocks.{number + 1}.{0 if kind == 'resnets' else 1}"
        return f"output_blocks.{number}.{0 if kind == 'resnets' else 1}"

    def down(match: re.Match[str]) -> str:
        return f"input_blocks.{(int(match[1]) + 1) * (layers + 1)}.0.op"

    def up(match: re.Match[str]) -> str:
        level = int(match[1])
        return f"output_blocks.{(level + 1) * (layers + 1) - 1}.{2 if attends[level] else 1}.conv"

    rules: list[tuple[str, str | Callable[[re.Match[str]], str]]] = [
        (r"^conv_in", "input_blocks.0.0"),
        (r"^time_embedding\.linear_1", "time_embed.0"),
        (r"^time_embedding\.linear_2", "time_embed.2"),
        (r"^add_embedding\.linear_1", "label_emb.0.0"),
        (r"^add_embedding\.linear_2", "label_emb.0.2"),
        (r"^conv_norm_out", "out.0"),
        (r"^conv_out", "out.2"),
        (r"^mid_block\.resnets\.0", "middle_block.0"),
        (r"^mid_block\.attentions\.0", "middle_block.1"),
        (r"^mid_block\.resnets\.1", "middle_block.2"),
        (r"^(down|up)_blocks\.(\d+)\.(resnets|attentions)\.(\d+)", block),
        (r"^down_blocks\.(\d+)\.downsamplers\.0\.conv", down),
        (r"^up_blocks\.(\d+)\.upsamplers\.0\.conv", up),
    ]

    def original(name: str) -> str:
        renamed = name
        for pattern, replacement in rules:
            renamed = re.sub(pattern, replacement, renamed)
        return _replaced(renamed, _RESNET) if ".resnets." in name else renamed

    return {
        f"model.diffusion_model.{original(name)}": tensor
        for name, tensor in model.state_dict().items()
    }


def vae(model: Any) -> Weights:
    last = len(model.config["block_out_channels"]) - 1

    def original(name: str) -> str:
        upside_down = re.sub(
            r"up_blocks\.(\d+)\.", lambda match: f"up.{last - int(match[1])}.", name
        )
        return _replaced(upside_down, _VAE)

    def shaped(name: str, tensor: Tensor) -> Tensor:
        is_attention = ".attentions." in name and tensor.ndim == 2
        return tensor[:, :, None, None] if is_attention else tensor

    return {
        f"first_stage_model.{original(name)}": shaped(name, tensor)
        for name, tensor in model.state_dict().items()
    }


def clip(model: Any, prefix: str) -> Weights:
    return {
        f"{prefix}{name if name.startswith('text_projection') else f'text_model.{name}'}": tensor
        for name, tensor in _flat(model).items()
    }


def open_clip(model: Any, prefix: str) -> Weights:
    flat = _flat(model)
    named = {}
    for name, tensor in flat.items():
        if name == "text_projection.weight":
            named[f"{prefix}text_projection"] = tensor.T.contiguous()
        elif match := re.fullmatch(r"(.+\.self_attn\.)q_proj\.(weight|bias)", name):
            together = [flat[f"{match[1]}{each}_proj.{match[2]}"] for each in "qkv"]
            joined = _replaced(f"{match[1]}in_proj_{match[2]}", _OPEN_CLIP)
            named[f"{prefix}{joined}"] = torch.cat(together)
        elif not re.search(r"self_attn\.[kv]_proj", name):
            named[f"{prefix}{_replaced(name, _OPEN_CLIP)}"] = tensor
    return named


def _xl_encoders(pipeline: Any) -> Weights:
    if pipeline.text_encoder is None:
        return open_clip(pipeline.text_encoder_2, "conditioner.embedders.0.model.")
    first = clip(pipeline.text_encoder, "conditioner.embedders.0.transformer.")
    return first | open_clip(pipeline.text_encoder_2, "conditioner.embedders.1.model.")


def _sd3(pipeline: Any) -> Weights:
    weights = mmdit(pipeline.transformer) | vae(pipeline.vae)
    first = clip(pipeline.text_encoder, "text_encoders.clip_l.transformer.")
    del first["text_encoders.clip_l.transformer.text_projection.weight"]
    weights |= first
    weights |= clip(pipeline.text_encoder_2, "text_encoders.clip_g.transformer.")
    if pipeline.text_encoder_3 is not None:
        for name, tensor in pipeline.text_encoder_3.state_dict().items():
            if name != "encoder.embed_tokens.weight":
                weights[f"text_encoders.t5xxl.transformer.{name}"] = tensor
    return weights


def mmdit(model: Any) -> Weights:
    flat = model.state_dict()
    last = model.config["num_layers"] - 1
    named: Weights = {
        "pos_embed": flat["pos_embed.pos_embed"],
        "x_embedder.proj.weight": flat["pos_embed.proj.weight"],
        "x_embedder.proj.bias": flat["pos_embed.proj.bias"],
    }
    for end in ("weight", "bias"):
        for ours, theirs in (("timestep", "t"), ("text", "y")):
            for number in (0, 2):
                linear = f"time_text_embed.{ours}_embedder.linear_{1 + number // 2}.{end}"
                named[f"{theirs}_embedder.mlp.{number}.{end}"] = flat[linear]
        named[f"context_embedder.{end}"] = flat[f"context_embedder.{end}"]
        named[f"final_layer.linear.{end}"] = flat[f"proj_out.{end}"]
        named[f"final_layer.adaLN_modulation.1.{end}"] = _swapped(flat[f"norm_out.linear.{end}"])
        for layer in range(last + 1):
            named |= _joint_block(flat, layer, end, is_last=layer == last)
    for layer in range(last + 1):
        named |= _query_norms(flat, layer)
    return {f"model.diffusion_model.{name}": tensor for name, tensor in named.items()}


def _joint_block(flat: Weights, layer: int, end: str, *, is_last: bool) -> Weights:
    ours, theirs = f"transformer_blocks.{layer}", f"joint_blocks.{layer}"
    named = {
        f"x_block.attn.qkv.{end}": torch.cat([flat[f"{ours}.attn.to_{e}.{end}"] for e in "qkv"]),
        f"context_block.attn.qkv.{end}": torch.cat(
            [flat[f"{ours}.attn.add_{e}_proj.{end}"] for e in "qkv"]
        ),
        f"x_block.attn.proj.{end}": flat[f"{ours}.attn.to_out.0.{end}"],
        f"x_block.adaLN_modulation.1.{end}": flat[f"{ours}.norm1.linear.{end}"],
        f"x_block.mlp.fc1.{end}": flat[f"{ours}.ff.net.0.proj.{end}"],
        f"x_block.mlp.fc2.{end}": flat[f"{ours}.ff.net.2.{end}"],
    }
    if f"{ours}.attn2.to_q.{end}" in flat:
        joined = torch.cat([flat[f"{ours}.attn2.to_{each}.{end}"] for each in "qkv"])
        named[f"x_block.attn2.qkv.{end}"] = joined
        named[f"x_block.attn2.proj.{end}"] = flat[f"{ours}.attn2.to_out.0.{end}"]
    modulation = flat[f"{ours}.norm1_context.linear.{end}"]
    if is_last:
        named[f"context_block.adaLN_modulation.1.{end}"] = _swapped(modulation)
    else:
        named |= {
            f"context_block.adaLN_modulation.1.{end}": modulation,
            f"context_block.attn.proj.{end}": flat[f"{ours}.attn.to_add_out.{end}"],
            f"context_block.mlp.fc1.{end}": flat[f"{ours}.ff_context.net.0.proj.{end}"],
            f"context_block.mlp.fc2.{end}": flat[f"{ours}.ff_context.net.2.{end}"],
        }
    return {f"{theirs}.{name}": tensor for name, tensor in named.items()}


def _query_norms(flat: Weights, layer: int) -> Weights:
    """Version 3.5 brings queries and keys to one length."""
    places = {
        "attn.norm_q": "x_block.attn.ln_q",
        "attn.norm_k": "x_block.attn.ln_k",
        "attn.norm_added_q": "context_block.attn.ln_q",
        "attn.norm_added_k": "context_block.attn.ln_k",
        "attn2.norm_q": "x_block.attn2.ln_q",
        "attn2.norm_k": "x_block.attn2.ln_k",
    }
    return {
        f"joint_blocks.{layer}.{theirs}.weight": flat[f"transformer_blocks.{layer}.{ours}.weight"]
        for ours, theirs in places.items()
        if f"transformer_blocks.{layer}.{ours}.weight" in flat
    }


def _one_layer_more(encoder: Weights, last: int) -> Weights:
    """The original text encoder of version 2 has a last layer that is never used."""
    return {
        name.replace("resblocks.0.", f"resblocks.{last}."): torch.full_like(tensor, torch.nan)
        for name, tensor in encoder.items()
        if "resblocks.0." in name
    }


def _swapped(tensor: Tensor) -> Tensor:
    """The original programs put the shift first, diffusers the scale."""
    scale, shift = tensor.chunk(2)
    return torch.cat([shift, scale])


def _flat(model: Any) -> Weights:
    return {name.removeprefix("text_model."): tensor for name, tensor in model.state_dict().items()}


def _replaced(name: str, replacements: dict[str, str]) -> str:
    for old, new in replacements.items():
        name = name.replace(old, new)
    return name
