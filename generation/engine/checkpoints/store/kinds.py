"""Recognition of files that are no Stable Diffusion checkpoint: what they are, and what to do with them."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from generation.engine.checkpoints.store import adapter_kinds
from generation.engine.checkpoints.store.adapter_kinds import Tensors
from generation.engine.checkpoints.store.kind_marks import (
    ADD_ONS,
    FIRST,
    MODELS,
    NEED_ALL,
    NO_ADAPTERS,
    OF_DIFFUSERS,
    ONLY_STABLE_DIFFUSION,
    PARTS,
    QUANTIZATIONS,
    QUANTIZED,
    Mark,
)

DENOISER = "model.diffusion_model."


@dataclass(frozen=True)
class Stranger:
    """A file that is no checkpoint: its name with an article, and the operator's way on."""

    name: str
    advice: str

    def __str__(self) -> str:
        return f"This is {self.name}, not a Stable Diffusion checkpoint that can be used. {self.advice}"


_WIDTHS = {768: "SD1", 1024: "SD2", 1280: "SDXL", 2048: "SDXL"}
_CROSS_ATTENTION = re.compile(r"attn2\.(processor\.)?to_[kv](_ip)?\.weight$|to_[kv]_ip\.weight$")
_FAMILIES: Mapping[str, str] = {
    "Flux": r"double_blocks|single_transformer_blocks|pulid_",
    "SD3": r"joint_blocks|transformer_blocks\.\d+\.attn\.add_k_proj|^t5xxl$",
    "SDXL": r"^clip_g$|(^|\.)label_emb\.|^add_embedding\.",
}
# An adapter's first convolution takes a picture folded by 8, or by 16 for the larger family.
_FOLDED = {64: "SD1", 192: "SD1", 256: "SDXL", 768: "SDXL"}
_FLOATS = frozenset({"F64", "F32", "F16", "BF16", "F8_E4M3", "F8_E5M2"})


def stranger_in(tensors: Tensors, metadata: Mapping[str, str]) -> Stranger | None:
    """Return the kind of a file that is no checkpoint and no denoiser of one; None for those."""
    if adapter := adapter_kinds.kind_of(tensors):
        return Stranger(adapter + _for(adapter_kinds.base_of(tensors, metadata)), NO_ADAPTERS)
    names = "\n".join(tensors)
    for mark in FIRST:
        if _matches(mark, names):
            return Stranger(mark.name, mark.advice)
    if quantization := _quantization(tensors, names):
        return Stranger(quantization, QUANTIZED)
    if any(name.startswith((f"{DENOISER}input_blocks.", "input_blocks.")) for name in tensors):
        return _control_net(tensors, names)
    if any(name.startswith((f"{DENOISER}joint_blocks.", "joint_blocks.")) for name in tensors):
        return _control_net(tensors, names)
    return next(_others(tensors, names), None)


def _control_net(tensors: Tensors, names: str) -> Stranger | None:
    """Return a ControlNet, whose blocks have the names of a unet's."""
    mark = ADD_ONS[0]
    is_whole = (
        f"{DENOISER}out.2.weight" in tensors or f"{DENOISER}final_layer.linear.weight" in tensors
    )
    if _matches(mark, names) and not is_whole:
        return Stranger(mark.name + _for(_family_of_add_on(tensors)), mark.advice)
    return None


def _others(tensors: Tensors, names: str) -> Iterator[Stranger]:
    for mark in ADD_ONS:
        if _matches(mark, names):
            yield Stranger(mark.name + _for(_family_of_add_on(tensors)), mark.advice)
    # Sana and PixArt share the names by which diffusers knows the first.
    for mark in MODELS[:2]:
        if _matches(mark, names):
            yield Stranger(mark.name, mark.advice)
    if known := _known_to_diffusers(tensors):
        yield Stranger(known, ONLY_STABLE_DIFFUSION)
    for mark in (*MODELS, *PARTS):
        if _matches(mark, names):
            yield Stranger(mark.name + _channels(mark, tensors), mark.advice)
    if _is_learned_word(tensors):
        yield Stranger("a textual inversion" + _for(_family_of_add_on(tensors)), NO_ADAPTERS)


def _matches(mark: Mark, names: str) -> bool:
    return re.search(mark.pattern, names, re.MULTILINE) is not None


def _for(base: str) -> str:
    return f" for {base}" if base else ""


def _known_to_diffusers(tensors: Tensors) -> str:
    from diffusers.loaders.single_file_utils import (  # noqa: PLC0415  # slow import: diffusers
        CHECKPOINT_KEY_NAMES,
    )

    for kind, name in OF_DIFFUSERS.items():
        keys = CHECKPOINT_KEY_NAMES.get(kind, ())
        keys = [keys] if isinstance(keys, str) else keys
        if keys and (all if kind in NEED_ALL else any)(key in tensors for key in keys):
            return name
    return ""


def _quantization(tensors: Tensors, names: str) -> str:
    for pattern, name in QUANTIZATIONS.items():
        if re.search(pattern, names, re.MULTILINE):
            return name
    for name, tensor in tensors.items():
        if name.endswith(".weight") and len(tensor.shape) > 1 and tensor.dtype not in _FLOATS:
            return f"weights quantized to {tensor.dtype}"
    return ""


def _family_of_add_on(tensors: Tensors) -> str:
    """Return the family by the add-on's names, or the width of what it takes; empty if unknown."""
    names = "\n".join(tensors)
    for family, pattern in _FAMILIES.items():
        if re.search(pattern, names, re.MULTILINE):
            return family
    for name, tensor in tensors.items():
        is_word = name == "emb_params" or len(tensors) == 1
        if (_CROSS_ATTENTION.search(name) or is_word) and len(tensor.shape) in (1, 2):
            return _WIDTHS.get(tensor.shape[-1], "")
        if name.removeprefix("adapter.") == "conv_in.weight" and len(tensor.shape) == 4:
            return _FOLDED.get(tensor.shape[1], "")
    return ""


def _is_learned_word(tensors: Tensors) -> bool:
    """Return True for diffusers' textual inversion: one small tensor by the name of its word."""
    if len(tensors) != 1:
        return False
    (tensor,) = tensors.values()
    return bool(tensor.shape) and len(tensor.shape) <= 2 and tensor.shape[-1] in _WIDTHS


def _channels(mark: Mark, tensors: Tensors) -> str:
    """Return the families that share a VAE of this many channels."""
    if mark.name != "a VAE":
        return ""
    for name, tensor in tensors.items():
        if name.endswith("decoder.conv_in.weight") and len(tensor.shape) == 4:
            families = {4: "SD1, SD2 or SDXL", 16: "SD3 or Flux"}
            return _for(families.get(tensor.shape[1], ""))
    return ""
