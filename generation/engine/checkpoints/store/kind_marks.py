"""Marks of files that are no Stable Diffusion checkpoint: patterns in the names of their tensors."""

from collections.abc import Mapping
from dataclasses import dataclass

NO_ADAPTERS = "It changes a checkpoint and makes no pictures alone. Adapters are not used here: add a checkpoint."
ONLY_STABLE_DIFFUSION = "Of models, Stable Diffusion 1, 2, XL and 3 are read here."
_USE_VAE = "Bring it with its checkpoint: checkpoints add CHECKPOINT --vae PATH."
_USE_ENCODER = "Bring it with its checkpoint: checkpoints add CHECKPOINT --text-encoder PATH."
_USE_UPSCALER = "Pictures are enlarged by sd-x4-upscaler here: checkpoints fetch sd-x4-upscaler."
_USE_FETCHED_UPSCALER = "As a single file it lacks the noise schedule of its input. Use: checkpoints fetch sd-x4-upscaler."
_EDM = (
    "It was trained with continuous noise levels (EDM), which the noise schedulers here can't follow: "
    "take an ordinary SDXL checkpoint."
)
QUANTIZED = "Quantized weights are not read here: take the checkpoint in half precision."


@dataclass(frozen=True)
class Mark:
    """A pattern that the tensors' names of one kind of file match."""

    name: str
    pattern: str
    advice: str = ONLY_STABLE_DIFFUSION


# Prefixes that programs put before a model's own names.
_START = r"^(?:model\.diffusion_model\.|transformer\.|net\.|model\.)?"
# Files that have the names of a checkpoint, too.
FIRST = (
    Mark("CosXL, an EDM model", r"^edm_vpred\.", _EDM),
    Mark("Playground 2.5, an EDM model", r"^edm_(mean|std)$", _EDM),
    Mark("an EDM model", r"^edm_", _EDM),
    Mark("Stable unCLIP", r"^noise_augmentor\.|^embedder\.model\.visual\."),
    Mark(
        "Stable Video Diffusion",
        r"^conditioner\.embedders\.\d\.open_clip\.model\.visual|\.time_stack\.|\.time_mix_",
    ),
    Mark("Zero123, or another model of views", r"^cc_projection\."),
    Mark("GLIGEN", r"(^|\.)position_net\.|\.fuser\.alpha_attn"),
)
ADD_ONS = (
    Mark(
        "a ControlNet",
        r"^control_model\.|^controlnet_|(^|\.)input_hint_block\.|^lllite_|^lora_controlnet$"
        r"|^controlnet_cond_embedding\.|^control_(all_x_embedder|layers|noise_refiner|blocks)|^vace_blocks\.",
        NO_ADAPTERS,
    ),
    Mark(
        "an IP-Adapter",
        r"^image_proj\.|^ip_adapter\.|\.to_[kv]_ip(\.|$)|^image_proj_model\.",
        NO_ADAPTERS,
    ),
    Mark(
        "a T2I-Adapter",
        r"^(adapter\.)?body\.\d+\.(in_conv|block1|resnets\.\d+\.block1)\.",
        NO_ADAPTERS,
    ),
    Mark("a motion module of AnimateDiff", r"motion_modules\.\d", NO_ADAPTERS),
    Mark(
        "a textual inversion", r"^emb_params$|^string_to_param|^clip_[lg]$|^<[^>]+>$", NO_ADAPTERS
    ),
    Mark("a hypernetwork", r"^\d{3,4}\.\d\.linear", NO_ADAPTERS),
)
# What diffusers calls them in its own table of names, in the order in which it looks; the rest has a mark of ours.
OF_DIFFUSERS: Mapping[str, str] = {
    "stable_cascade_stage_c": "Stable Cascade",
    "stable_cascade_stage_b": "Stable Cascade",
    "flux2": "Flux.2",
    "flux3": "Flux.3",
    "chroma": "Chroma",
    "hunyuan-video": "HunyuanVideo",
    "flux": "Flux",
    "ltx2": "LTX-2",
    "ltx-video": "LTX-Video",
    "autoencoder-dc": "the autoencoder of Sana",
    "mochi-1-preview": "Mochi",
    "auraflow": "AuraFlow",
    "z-image-turbo": "Z-Image",
    "lumina2": "Lumina 2",
    "wan": "Wan",
    "wan_vace": "Wan",
    "wan_animate": "Wan",
    "qwen-image-2.1": "Qwen-Image",
    "krea2": "Krea 2",
    "wan_vae": "the VAE of Wan or Qwen-Image",
    "hidream": "HiDream",
    "cosmos-1.0": "Cosmos",
    "cosmos-2.0": "Cosmos",
    "minimax-h3": "MiniMax",
}
NEED_ALL = frozenset({"auraflow", "cosmos-1.0", "cosmos-2.0"})
MODELS = (
    Mark("Sana", _START + r"(attention_y_norm\.|blocks\.0\.mlp\.inverted_conv\.|caption_norm\.)"),
    Mark(
        "PixArt",
        _START + r"(t_block\.1\.weight|adaln_single\.emb\.resolution_embedder\.)"
        # Both are in its own names in diffusers, each alone in those of others.
        r"|\A(?=[\s\S]*^pos_embed\.proj\.)(?=[\s\S]*^adaln_single\.)",
    ),
    Mark("Hunyuan-DiT", _START + r"(text_embedding_padding|style_embedder\.|mlp_t5\.0\.)"),
    Mark("Qwen-Image", _START + r"transformer_blocks\.0\.(img_mod|txt_mod)\.1\."),
    Mark("HunyuanVideo", _START + r"context_embedder\.token_refiner\."),
    Mark("Flux.2", _START + r"double_stream_modulation_(img|txt)\."),
    Mark("Chroma", _START + r"distilled_guidance_layer\."),
    Mark(
        "Flux",
        _START + r"(double_blocks\.0\.img_attn|single_blocks\.0\.|single_transformer_blocks\.0\.)",
    ),
    Mark("Wan", _START + r"(condition_embedder\.time_embedder|blocks\.0\.cross_attn\.norm_k)"),
    Mark("LTX-Video", _START + r"(patchify_proj\.|transformer_blocks\.0\.scale_shift_table)"),
    Mark("CogVideoX", _START + r"patch_embed\.text_proj\."),
    Mark("Lumina", _START + r"(cap_embedder\.|layers\.0\.attention_norm1\.)"),
    Mark("Kolors", _START + r"encoder_hid_proj\.weight$"),
    Mark(
        "Kandinsky", _START + r"(add_embedding\.image_(norm|proj)|encoder_hid_proj\.image_embeds)"
    ),
    Mark("DeepFloyd IF", _START + r"(encoder_pooling\.|add_embedding\.pool\.)"),
    Mark("Stable Audio", r"^model\.model\.transformer\.layers\.0\.|^pretransform\.model\."),
    Mark("OmniGen", r"^(llm\.)?layers\.0\.self_attn\.qkv_proj\."),
)
PARTS = (
    Mark(
        "the upscaler of version 2, which is a part of no other checkpoint",
        r"^low_res_|^low_scale_model\.",
        _USE_FETCHED_UPSCALER,
    ),
    Mark(
        "an upscaler of the ESRGAN kind",
        r"^(params(_ema)?\.)?(model\.1\.sub\.\d+\.|body\.\d+\.rdb\d\.|RRDB_trunk\.|conv_first\.weight$"
        r"|layers\.0\.residual_group\.|body\.0\.weight$|model\.0\.weight$)",
        _USE_UPSCALER,
    ),
    Mark("a safety checker", r"^concept_embeds$|^special_care_embeds$", ONLY_STABLE_DIFFUSION),
    Mark("a whole CLIP model", r"^visual_projection\.|^vision_model\.|^visual\.", _USE_ENCODER),
    Mark(
        "T5, a text encoder",
        r"^(text_encoders\.t5xxl\.transformer\.)?encoder\.block\.0\.layer\.0\.SelfAttention\.q\.",
        _USE_ENCODER,
    ),
    Mark(
        "a CLIP text encoder",
        r"(^|\.)text_model\.encoder\.layers\.0\.|^transformer\.resblocks\.0\.|^encoder\.layers\.0\.self_attn\.",
        _USE_ENCODER,
    ),
    Mark("a language model", r"^(language_model\.)?(model\.)?layers\.0\.self_attn\.q_proj\."),
    Mark(
        "a tiny VAE (TAESD)",
        r"^(encoder|decoder)\.layers\.\d|^(taesd_)?(encoder|decoder)\.\d+\.(conv\.\d+\.)?weight$",
        "Previews are made without one here. A checkpoint wants an ordinary VAE.",
    ),
    Mark("a VAE", r"^(first_stage_model\.|vae\.)?(encoder|decoder)\.conv_in\.weight$", _USE_VAE),
    Mark(
        "a unet in diffusers' names",
        r"^(unet\.)?down_blocks\.0\.(resnets|attentions)\.0\.",
        "It is one part of a folder: add the whole folder, which has a model_index.json.",
    ),
    Mark(
        "the transformer of version 3 in diffusers' names",
        r"^transformer_blocks\.0\.(norm1_context|ff_context|attn\.add_k_proj)\.",
        "It is one part of a folder: add the whole folder, which has a model_index.json.",
    ),
)
QUANTIZATIONS: Mapping[str, str] = {
    r"\.(absmax|quant_map|nested_absmax)$|\.quant_state\.": "weights quantized by bitsandbytes",
    r"\.(qweight|qzeros|g_idx|wscales|smooth_factor)$": "weights quantized to 4 bits",
    r"\.weight_scale_2$": "weights quantized to NVFP4",
    r"\.(SCB|weight_format)$": "weights quantized to 8 bits",
}
