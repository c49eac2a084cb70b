"""Detection of the model in a single file, by the names of its tensors."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from generation.engine.checkpoints.store import weights
from generation.engine.checkpoints.store.weights import TensorInfo, Unusable
from generation.engine.enums import Family

Tensors = Mapping[str, TensorInfo]

DENOISER = "model.diffusion_model."
VAES = ("first_stage_model.", "vae.")
_UNET_SIGN = f"{DENOISER}input_blocks.0.0.weight"
_MMDIT_SIGN = "joint_blocks.0.context_block.adaLN_modulation.1.bias"
# Tensors that only other kinds of file have, and the name of the kind.
_STRANGERS: Mapping[str, str] = {
    f"{DENOISER}double_blocks.0.img_attn.qkv.weight": "Flux",
    "double_blocks.0.img_attn.qkv.weight": "Flux",
    "control_model.input_blocks.0.0.weight": "a ControlNet",
    "lora_te_text_model_encoder_layers_0_mlp_fc1.lora_down.weight": "a LoRA",
    "lora_unet_down_blocks_0_attentions_0_proj_in.lora_down.weight": "a LoRA",
}


class Layout(StrEnum):
    """Naming schemes of a text encoder's tensors."""

    CLIP = "clip"
    OPEN_CLIP = "open_clip"
    T5 = "t5"


@dataclass(frozen=True)
class Encoder:
    """A text encoder in a single file: its part in a folder, and the prefix of its tensors' names."""

    part: str
    layout: Layout
    prefix: str


_ENCODERS: Mapping[Family, tuple[Encoder, ...]] = {
    Family.SD1: (Encoder("text_encoder", Layout.CLIP, "cond_stage_model.transformer."),),
    Family.SD2: (Encoder("text_encoder", Layout.OPEN_CLIP, "cond_stage_model.model."),),
    Family.SDXL: (
        Encoder("text_encoder", Layout.CLIP, "conditioner.embedders.0.transformer."),
        Encoder("text_encoder_2", Layout.OPEN_CLIP, "conditioner.embedders.1.model."),
        # The refiner has no other.
        Encoder("text_encoder_2", Layout.OPEN_CLIP, "conditioner.embedders.0.model."),
    ),
    Family.SD3: (
        Encoder("text_encoder", Layout.CLIP, "text_encoders.clip_l.transformer."),
        Encoder("text_encoder_2", Layout.CLIP, "text_encoders.clip_g.transformer."),
        Encoder("text_encoder_3", Layout.T5, "text_encoders.t5xxl.transformer."),
    ),
}
_NEEDED: Mapping[Family, frozenset[str]] = {
    Family.SD1: frozenset({"text_encoder"}),
    Family.SD2: frozenset({"text_encoder"}),
    Family.SDXL: frozenset({"text_encoder_2"}),
    Family.SD3: frozenset({"text_encoder", "text_encoder_2"}),
}


@dataclass(frozen=True, kw_only=True)
class Contents:
    """The content of a single file. `vae` is the prefix of the VAE's tensors."""

    family: Family
    tensors: Tensors
    vae: str
    encoders: tuple[Encoder, ...]

    def under(self, prefix: str) -> Tensors:
        """Return the tensors with this prefix, which their names lose."""
        return {
            name.removeprefix(prefix): tensor
            for name, tensor in self.tensors.items()
            if name.startswith(prefix)
        }


def contents_of(tensors: Tensors) -> Contents:
    """Detect the family and parts. Raises Unusable for other kinds of file, and for missing parts."""
    for sign, name in _STRANGERS.items():
        if sign in tensors:
            raise Unusable(f"This is {name}, not a Stable Diffusion checkpoint.")
    family = _family(tensors)
    encoders = tuple(
        encoder
        for encoder in _ENCODERS[family]
        if any(name.startswith(encoder.prefix) for name in tensors)
    )
    vae = next((p for p in VAES if f"{p}decoder.conv_in.weight" in tensors), None)
    if missing := _NEEDED[family] - {encoder.part for encoder in encoders}:
        raise Unusable(
            f"The file has no {' and no '.join(sorted(missing))}: it is a part of a checkpoint. Use the "
            "one that includes its text encoders."
        )
    if vae is None:
        raise Unusable("The file has no VAE: it is a part of a checkpoint.")
    return Contents(family=family, tensors=tensors, vae=vae, encoders=encoders)


def _family(tensors: Tensors) -> Family:
    if f"{DENOISER}{_MMDIT_SIGN}" in tensors:
        return Family.SD3
    if _MMDIT_SIGN in tensors:
        raise Unusable("The file has the transformer alone: use the one with its text encoders.")
    if _UNET_SIGN not in tensors:
        raise Unusable("No Stable Diffusion checkpoint has tensors with such names.")
    if f"{DENOISER}label_emb.0.0.weight" in tensors:
        return Family.SDXL
    if any(name.startswith("cond_stage_model.model.") for name in tensors):
        return Family.SD2
    return Family.SD1


def require_no_pickle(name: str) -> None:
    """Raise Unusable, with the reason, for a file name of a pickle."""
    if name.lower().endswith(weights.PICKLES):
        raise Unusable(
            f"{name} is a pickle. {weights.WHY_NO_PICKLES} Most are published as .safetensors, too."
        )


def numbers_in(tensors: Tensors, pattern: str) -> set[int]:
    """Return the numbers that the pattern's group matches in the tensors' names."""
    compiled = re.compile(pattern)
    return {int(match[1]) for name in tensors if (match := compiled.match(name))}
