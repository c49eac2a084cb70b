"""Detection of the model in a single file, by the names of its tensors."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from generation.engine.checkpoints.store import kinds
from generation.engine.checkpoints.store.kinds import DENOISER
from generation.engine.checkpoints.store.weights import TensorInfo, Unusable
from generation.engine.enums import Family

Tensors = Mapping[str, TensorInfo]

VAES = ("first_stage_model.", "vae.")
_UNET_SIGN = "input_blocks.0.0.weight"
_MMDIT_SIGN = "joint_blocks.0.context_block.adaLN_modulation.1.bias"
# Version 2 attends to text embeddings of this width; version 1 has 768.
_SD2_TEXT_WIDTH = 1024
_REFINER = "conditioner.embedders.0.model."
# A unet's input channels for which there is no mode.
_EDITS = {8: "InstructPix2Pix, or another model that edits by instruction", 7: "the x4 upscaler"}


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


ENCODERS: Mapping[Family, tuple[Encoder, ...]] = {
    Family.SD1: (Encoder("text_encoder", Layout.CLIP, "cond_stage_model.transformer."),),
    Family.SD2: (Encoder("text_encoder", Layout.OPEN_CLIP, "cond_stage_model.model."),),
    Family.SDXL: (
        Encoder("text_encoder", Layout.CLIP, "conditioner.embedders.0.transformer."),
        Encoder("text_encoder_2", Layout.OPEN_CLIP, "conditioner.embedders.1.model."),
        # The refiner has no other.
        Encoder("text_encoder_2", Layout.OPEN_CLIP, _REFINER),
    ),
    Family.SD3: (
        Encoder("text_encoder", Layout.CLIP, "text_encoders.clip_l.transformer."),
        Encoder("text_encoder_2", Layout.CLIP, "text_encoders.clip_g.transformer."),
        Encoder("text_encoder_3", Layout.T5, "text_encoders.t5xxl.transformer."),
    ),
}
_NEEDED: Mapping[Family, tuple[str, ...]] = {
    Family.SD1: ("text_encoder",),
    Family.SD2: ("text_encoder",),
    Family.SDXL: ("text_encoder", "text_encoder_2"),
    Family.SD3: ("text_encoder", "text_encoder_2"),
}


@dataclass(frozen=True, kw_only=True)
class Contents:
    """The content of a single file. `denoiser` and `vae` are prefixes of their tensors' names.

    `vae` is None if the file has none.
    """

    family: Family
    tensors: Tensors
    vae: str | None
    encoders: tuple[Encoder, ...]
    denoiser: str = DENOISER

    def under(self, prefix: str) -> Tensors:
        """Return the tensors with this prefix, which their names lose."""
        return {
            name.removeprefix(prefix): tensor
            for name, tensor in self.tensors.items()
            if name.startswith(prefix)
        }

    @property
    def missing(self) -> tuple[str, ...]:
        """The needed parts that the file lacks, in order."""
        is_refiner = any(encoder.prefix == _REFINER for encoder in self.encoders)
        needed = ("text_encoder_2",) if is_refiner else _NEEDED[self.family]
        present = {encoder.part for encoder in self.encoders}
        missing = [part for part in needed if part not in present]
        return (*missing, *(["vae"] if self.vae is None else []))


def contents_of(
    tensors: Tensors, metadata: Mapping[str, str] | None = None, *, family: Family | None = None
) -> Contents:
    """Detect the family and parts; `family` overrides the detection.

    Raises Unusable for other kinds of file.
    """
    if stranger := kinds.stranger_in(tensors, metadata or {}):
        raise Unusable(str(stranger))
    denoiser = _denoiser(tensors)
    family = family or _family(tensors, denoiser)
    vae = next((prefix for prefix in VAES if f"{prefix}decoder.conv_in.weight" in tensors), None)
    return Contents(
        family=family,
        tensors=tensors,
        vae=vae,
        encoders=encoders_in(tensors, family),
        denoiser=denoiser,
    )


def encoders_in(tensors: Tensors, family: Family) -> tuple[Encoder, ...]:
    """Return the text encoders that a file has under the names of a whole checkpoint."""
    return tuple(
        encoder
        for encoder in ENCODERS[family]
        if any(name.startswith(encoder.prefix) for name in tensors)
    )


def _denoiser(tensors: Tensors) -> str:
    """Return the prefix of the denoiser's tensors. Raises Unusable."""
    for prefix in (DENOISER, ""):
        if f"{prefix}{_MMDIT_SIGN}" in tensors:
            return prefix
        if first := tensors.get(f"{prefix}{_UNET_SIGN}"):
            channels = first.shape[1] if len(first.shape) == 4 else 0
            if channels in _EDITS:
                raise Unusable(
                    f"This is {_EDITS[channels]}, as a single file. No mode here works like that."
                    + (" Use: checkpoints fetch sd-x4-upscaler." if channels == 7 else "")
                )
            return prefix
    raise Unusable(
        "No Stable Diffusion checkpoint has tensors with such names, and no other kind of model that is known "
        f"here. They begin with {', '.join(sorted(tensors)[:3]) or 'nothing: the file is empty'}."
    )


def _family(tensors: Tensors, denoiser: str) -> Family:
    if f"{denoiser}{_MMDIT_SIGN}" in tensors:
        return Family.SD3
    if f"{denoiser}label_emb.0.0.weight" in tensors:
        return Family.SDXL
    if any(name.startswith("cond_stage_model.model.") for name in tensors):
        return Family.SD2
    widths = (
        tensor.shape[-1]
        for name, tensor in tensors.items()
        if name.startswith(denoiser) and name.endswith("attn2.to_k.weight")
    )
    return Family.SD2 if next(widths, 0) == _SD2_TEXT_WIDTH else Family.SD1


def numbers_in(tensors: Tensors, pattern: str) -> set[int]:
    """Return the numbers that the pattern's group matches in the tensors' names."""
    compiled = re.compile(pattern)
    return {int(match[1]) for name in tensors if (match := compiled.match(name))}
