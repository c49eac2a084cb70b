"""Recognition of adapters, such as a LoRA, and of the family that they were trained for."""

import re
from collections.abc import Iterator, Mapping

from generation.engine.checkpoints.store.weights import TensorInfo

Tensors = Mapping[str, TensorInfo]

# The first that is found names the adapter: a DoRA is a LoRA with a scale.
_KINDS: Mapping[str, re.Pattern[str]] = {
    "a DoRA, a kind of LoRA": re.compile(
        r"\.(dora_scale|lora_magnitude_vector(\.\w+)*)$", re.MULTILINE
    ),
    "a LoHa, a kind of LoRA": re.compile(r"\.hada_(w[12]_[ab]|t[12])$", re.MULTILINE),
    "a LoKr, a kind of LoRA": re.compile(r"\.lokr_(w[12](_[ab])?|t2)$", re.MULTILINE),
    "an OFT, a kind of LoRA": re.compile(
        r"\.oft_(blocks|diag|r)(\.\w+)*$", re.MULTILINE | re.IGNORECASE
    ),
    "an IA3, a kind of LoRA": re.compile(r"\.on_input$", re.MULTILINE),
    "a GLoRA, a kind of LoRA": re.compile(r"^lora_.*\.[ab][12]\.weight$", re.MULTILINE),
    "a LoRA of whole differences": re.compile(r"^lora_.*\.diff(_b)?$", re.MULTILINE),
    "a LoCon, a kind of LoRA": re.compile(r"\.lora_mid\.weight$", re.MULTILINE),
}
_LOW_RANK = re.compile(
    r"(\.lora_(down|up)(\.\w+)*|\.lora_[AB](\.\w+)*|[._]lora\.(down|up)\.weight"
    r"|lora_linear_layer\.(down|up)\.weight)$"
)
_DOWN = re.compile(r"(lora_down|lora_A|lora\.down|linear_layer\.down)")
# Names that only one model has. Transformers come first: some share names with a unet.
_STRUCTURES: Mapping[str, re.Pattern[str]] = {
    "Chroma": re.compile(r"distilled_guidance_layer"),
    "HunyuanVideo": re.compile(r"token_refiner|double_blocks\.\d+\.img_attn_"),
    "Flux.2": re.compile(r"(single|double)_stream_modulation"),
    "Flux": re.compile(r"single_transformer_blocks|double_blocks|single_blocks"),
    "SD3": re.compile(r"joint_blocks|ff_context|norm1_context"),
    "Qwen-Image": re.compile(r"transformer_blocks.\d+.(img_mod|txt_mod|img_mlp|txt_mlp)"),
    "Wan": re.compile(
        r"(^|\.|_)blocks.\d+.(self_attn|cross_attn|ffn)(?!.*(linear|qkv))", re.MULTILINE
    ),
    "PixArt or Sana": re.compile(
        r"(^|\.|_)blocks.\d+.(cross_attn|attn)[._](kv_linear|q_linear|qkv)", re.MULTILINE
    ),
    "Z-Image or Lumina": re.compile(
        r"(^|\.|_)layers.\d+.(attention|feed_forward|adaLN)", re.MULTILINE
    ),
    "LTX-Video": re.compile(r"patchify_proj|scale_shift_table"),
    "AuraFlow": re.compile(r"double_layers.\d|single_layers.\d|joint_transformer_blocks"),
    "Stable Cascade": re.compile(r"clip_txt_mapper|lora_prior_unet|down_blocks.\d.\d+.kv_mapper"),
    "SDXL": re.compile(
        r"^lora_te[12]_|^text_encoder_2\.|^conditioner[._]embedders"
        r"|(input_blocks|output_blocks|down_blocks|up_blocks|middle_block|mid_block).*"
        r"[._]\d+[._]transformer_blocks[._][1-9]|^lora_unet_(input|output)_blocks_|^lora_unet_middle_block"
        r"|up_blocks[._]0[._]attentions",
        re.MULTILINE,
    ),
}
_WIDTHS = {768: "SD1", 1024: "SD2", 2048: "SDXL"}
_TEXT_INPUT = re.compile(
    r"attn2.*to_[kv]|lora_te_.*(q|k|v)_proj|^text_encoder\..*[_.](q|k|v)(_proj|_lora)"
)
# What trainers note down, and what it begins with.
_NOTES = ("ss_base_model_version", "modelspec.architecture")
_NOTED: Mapping[str, str] = {
    "sd_v1": "SD1",
    "sd1": "SD1",
    "stable-diffusion-v1": "SD1",
    "sd_v2": "SD2",
    "sd2": "SD2",
    "stable-diffusion-v2": "SD2",
    "sdxl": "SDXL",
    "stable-diffusion-xl": "SDXL",
    "sd3": "SD3",
    "stable-diffusion-3": "SD3",
    "flux": "Flux",
    "qwen": "Qwen-Image",
    "wan": "Wan",
    "hunyuan": "HunyuanVideo",
    "lumina": "Lumina",
    "chroma": "Chroma",
    "z-image": "Z-Image",
    "zimage": "Z-Image",
}
# Names that several models share.
_SHARED: Mapping[str, re.Pattern[str]] = {
    "SD1 or SD2": re.compile(
        r"(down|up|input|output)_blocks|(mid|middle)_block|^lora_te_|^text_encoder\.", re.MULTILINE
    ),
    "SD3, Flux or Qwen-Image": re.compile(r"attn[._]add_[qkv]_proj"),
}


def kind_of(tensors: Tensors) -> str:
    """Return the name of the adapter, with its article; empty for other files."""
    names = "\n".join(tensors)
    for kind, pattern in _KINDS.items():
        if pattern.search(names):
            return kind
    low_rank = [name for name in tensors if _LOW_RANK.search(name)]
    if not low_rank:
        return ""
    has_kernel = any(
        len(tensors[name].shape) == 4 and tensors[name].shape[-1] > 1 for name in low_rank
    )
    return "a LoCon, a kind of LoRA" if has_kernel else "a LoRA"


def base_of(tensors: Tensors, metadata: Mapping[str, str]) -> str:
    """Return the family that the adapter is for, as people call it; empty if nothing tells.

    Widths and names come before the trainer's notes, which survive copying from another file.
    """
    names = "\n".join(tensors)
    for base, pattern in _STRUCTURES.items():
        if pattern.search(names):
            return base
    for width in _text_widths(tensors):
        if width in _WIDTHS:
            return _WIDTHS[width]
    if noted := _noted(metadata):
        return noted
    return next((base for base, pattern in _SHARED.items() if pattern.search(names)), "")


def _text_widths(tensors: Tensors) -> Iterator[int]:
    """Yield the widths of text embeddings that the adapter's first factors take."""
    for name, tensor in tensors.items():
        if len(tensor.shape) >= 2 and _TEXT_INPUT.search(name) and _DOWN.search(name):
            yield tensor.shape[1]
        elif name.endswith((".hada_w1_b", ".lokr_w2_b")) and _TEXT_INPUT.search(name):
            yield tensor.shape[-1]


def _noted(metadata: Mapping[str, str]) -> str:
    for field in _NOTES:
        note = metadata.get(field, "").lower()
        for start, base in _NOTED.items():
            if note.startswith(start):
                return base
    if metadata.get("ss_v2", "").lower() == "true":
        return "SD2"
    return ""
