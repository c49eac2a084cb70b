"""Files that are no checkpoint are named for what they are, by their tensors' names and shapes."""

from collections.abc import Mapping

import pytest

from generation.engine.checkpoints.store import adapter_kinds, inspection, kinds
from generation.engine.checkpoints.store.weights import TensorInfo, Unusable
from tests.engine.checkpoints.store.originals import ORIGINALS
from tests.engine.checkpoints.store.singlefile import single_file

Shapes = Mapping[str, tuple[int, ...]]


def tensors(shapes: Shapes, *, dtype: str = "F16") -> dict[str, TensorInfo]:
    return {name: TensorInfo(dtype, shape) for name, shape in shapes.items()}


def low_rank(module: str, inwards: int = 64, ends: tuple[str, str] = ("down", "up")) -> Shapes:
    down, up = ends
    return {f"{module}.lora_{down}.weight": (4, inwards), f"{module}.lora_{up}.weight": (64, 4)}


DOWN = "down_blocks_1_attentions_0_transformer_blocks_0"
KEY = f"lora_unet_{DOWN}_attn2_to_k"
PEFT = ("A", "B")
ADAPTERS: Mapping[str, tuple[str, Shapes]] = {
    "kohya, 768 wide": ("a LoRA for SD1", low_rank(KEY, 768)),
    "kohya, 1024 wide": ("a LoRA for SD2", low_rank(KEY, 1024)),
    "kohya, 2048 wide": ("a LoRA for SDXL", low_rank(KEY, 2048)),
    "kohya's blocks": ("a LoRA for SDXL", low_rank("lora_unet_input_blocks_4_1_proj_in")),
    "kohya's encoders": (
        "a LoRA for SDXL",
        low_rank("lora_te2_text_model_encoder_layers_0_mlp_fc1"),
    ),
    "kohya's joint blocks": (
        "a LoRA for SD3",
        low_rank("lora_unet_joint_blocks_0_x_block_attn_qkv"),
    ),
    "kohya's double blocks": (
        "a LoRA for Flux",
        low_rank("lora_unet_double_blocks_0_img_attn_qkv"),
    ),
    "diffusers' single blocks": (
        "a LoRA for Flux",
        low_rank("transformer.single_transformer_blocks.0.attn.to_q", 3072, PEFT),
    ),
    "diffusers' deep blocks": (
        "a LoRA for SDXL",
        low_rank("unet.down_blocks.2.attentions.0.transformer_blocks.3.attn1.to_q", 64, PEFT),
    ),
    "diffusers without PEFT": (
        "a LoRA for SD1",
        {
            "unet.down_blocks.0.attentions.0.transformer_blocks.0.attn2.processor.to_k_lora.down.weight": (
                4,
                768,
            )
        },
    ),
    "diffusers of unknown width": (
        "a LoRA for SD1 or SD2",
        {f"unet.{DOWN}.attn1.processor.to_q_lora.down.weight": (4, 64)},
    ),
    "PEFT": ("a LoRA", low_rank("base_model.model.q_proj", 64, PEFT)),
    "Qwen": (
        "a LoRA for Qwen-Image",
        low_rank("transformer.transformer_blocks.0.img_mlp.net.0.proj", 64, PEFT),
    ),
    "Wan": ("a LoRA for Wan", low_rank("diffusion_model.blocks.0.self_attn.q", 64, PEFT)),
    "HunyuanVideo": (
        "a LoRA for HunyuanVideo",
        low_rank("transformer.double_blocks.0.img_attn_qkv", 64, PEFT),
    ),
    "DoRA": (
        "a DoRA, a kind of LoRA for SD1",
        {**low_rank(KEY, 768), f"{KEY}.dora_scale": (64, 1)},
    ),
    "DoRA of PEFT": (
        "a DoRA, a kind of LoRA",
        {**low_rank("x", 64, PEFT), "x.lora_magnitude_vector": (64,)},
    ),
    "LoHa": (
        "a LoHa, a kind of LoRA for SDXL",
        {f"{KEY}.hada_w1_a": (64, 4), f"{KEY}.hada_w1_b": (4, 2048)},
    ),
    "LoKr": (
        "a LoKr, a kind of LoRA for SD1 or SD2",
        {f"{KEY}.lokr_w1": (8, 8), f"{KEY}.lokr_w2_a": (8, 4)},
    ),
    "LoCon": (
        "a LoCon, a kind of LoRA for SD1 or SD2",
        {"lora_unet_down_blocks_1_resnets_0_conv1.lora_down.weight": (4, 64, 3, 3)},
    ),
    "LoCon with a middle": (
        "a LoCon, a kind of LoRA for SD1 or SD2",
        {
            "lora_unet_mid_block_resnets_0_conv1.lora_mid.weight": (4, 4, 3, 3),
            "lora_unet_mid_block_resnets_0_conv1.lora_down.weight": (4, 64, 1, 1),
        },
    ),
    "OFT": ("an OFT, a kind of LoRA for SD1 or SD2", {f"lora_unet_{DOWN}.oft_blocks": (4, 4, 4)}),
}


@pytest.mark.parametrize("name", ADAPTERS)
def test_an_adapter_is_named_with_its_kind_and_its_family(name: str) -> None:
    expected, shapes = ADAPTERS[name]

    stranger = kinds.stranger_in(tensors(shapes), {})

    assert stranger is not None
    assert stranger.name == expected
    assert "add a checkpoint" in stranger.advice


@pytest.mark.parametrize(
    ("note", "base"),
    [
        ({"ss_base_model_version": "sd_v1"}, "SD1"),
        ({"ss_base_model_version": "sdxl_base_v1-0"}, "SDXL"),
        ({"modelspec.architecture": "stable-diffusion-v2-768-v/lora"}, "SD2"),
        ({"modelspec.architecture": "flux-1-dev/lora"}, "Flux"),
        ({"ss_v2": "True"}, "SD2"),
    ],
)
def test_a_trainers_note_tells_the_family_where_names_do_not(
    note: Mapping[str, str], base: str
) -> None:
    assert adapter_kinds.base_of(tensors(low_rank("x")), note) == base


def test_names_count_more_than_a_note() -> None:
    names = tensors(low_rank("lora_unet_joint_blocks_0_x_block_mlp_fc1"))

    assert adapter_kinds.base_of(names, {"ss_base_model_version": "sd_v1"}) == "SD3"


OTHERS: Mapping[str, tuple[str, Shapes]] = {
    "CosXL": ("CosXL, an EDM model", {"edm_vpred.sigma_max": ()}),
    "Playground": ("Playground 2.5, an EDM model", {"edm_mean": (4,), "edm_std": (4,)}),
    "unCLIP": ("Stable unCLIP", {"noise_augmentor.data_mean": (1, 768)}),
    "SVD": (
        "Stable Video Diffusion",
        {"conditioner.embedders.0.open_clip.model.visual.proj": (8, 8)},
    ),
    "Flux": ("Flux", {"double_blocks.0.img_attn.norm.key_norm.scale": (128,)}),
    "Flux in a checkpoint": (
        "Flux",
        {"model.diffusion_model.double_blocks.0.img_attn.qkv.weight": (9, 3)},
    ),
    "Flux in diffusers": ("Flux", {"single_transformer_blocks.0.attn.to_q.weight": (8, 8)}),
    "Chroma": ("Chroma", {"distilled_guidance_layer.in_proj.bias": (8,)}),
    "Qwen": ("Qwen-Image", {"transformer_blocks.0.img_mod.1.weight": (8, 8)}),
    "Wan": ("Wan", {"head.modulation": (1, 2, 8)}),
    "HunyuanVideo": (
        "HunyuanVideo",
        {"txt_in.individual_token_refiner.blocks.0.adaLN_modulation.1.bias": (8,)},
    ),
    "LTX": ("LTX-Video", {"model.diffusion_model.patchify_proj.weight": (8, 8)}),
    "PixArt": (
        "PixArt",
        {"t_block.1.weight": (8, 8), "blocks.0.cross_attn.q_linear.weight": (8, 8)},
    ),
    "PixArt in diffusers": (
        "PixArt",
        {"pos_embed.proj.weight": (8, 8), "adaln_single.linear.weight": (8, 8)},
    ),
    "Sana": (
        "Sana",
        {"attention_y_norm.weight": (8,), "blocks.0.cross_attn.q_linear.weight": (8, 8)},
    ),
    "Lumina": ("Lumina 2", {"cap_embedder.0.weight": (8,)}),
    "Cascade": ("Stable Cascade", {"clip_txt_mapper.weight": (8, 8)}),
    "AuraFlow": (
        "AuraFlow",
        {
            "double_layers.0.attn.w2q.weight": (8, 8),
            "double_layers.0.attn.w1q.weight": (8, 8),
            "cond_seq_linear.weight": (8, 8),
            "t_embedder.mlp.0.weight": (8, 8),
        },
    ),
    "HiDream": ("HiDream", {"double_stream_blocks.0.block.adaLN_modulation.1.bias": (8,)}),
    "Mochi": ("Mochi", {"blocks.0.attn.qkv_x.weight": (8, 8)}),
    "ControlNet 1": (
        "a ControlNet for SD1",
        {
            "control_model.input_blocks.0.0.weight": (8, 4, 3, 3),
            "control_model.input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight": (8, 768),
        },
    ),
    "ControlNet XL": (
        "a ControlNet for SDXL",
        {
            "controlnet_cond_embedding.conv_in.weight": (8, 3, 3, 3),
            "add_embedding.linear_1.weight": (8, 8),
        },
    ),
    "ControlNet LLLite": ("a ControlNet", {"lllite_unet_input_blocks_4_1.cond_emb.weight": (8, 8)}),
    "ControlNet by its hint": (
        "a ControlNet",
        {"input_blocks.0.0.weight": (8, 4, 3, 3), "input_hint_block.0.weight": (8, 3, 3, 3)},
    ),
    "T2I-Adapter": (
        "a T2I-Adapter for SD1",
        {"conv_in.weight": (320, 192, 3, 3), "body.0.block1.weight": (320, 320, 3, 3)},
    ),
    "IP-Adapter": (
        "an IP-Adapter for SDXL",
        {"image_proj.proj.weight": (8, 8), "ip_adapter.1.to_k_ip.weight": (640, 2048)},
    ),
    "motion module": (
        "a motion module of AnimateDiff",
        {"down_blocks.0.motion_modules.0.temporal_transformer.norm.weight": (8,)},
    ),
    "textual inversion": ("a textual inversion for SD1", {"emb_params": (4, 768)}),
    "textual inversion XL": (
        "a textual inversion for SDXL",
        {"clip_l": (4, 768), "clip_g": (4, 1280)},
    ),
    "textual inversion of diffusers": ("a textual inversion for SD2", {"<cat>": (1, 1024)}),
    "learned word": ("a textual inversion for SD1", {"cat-toy": (768,)}),
    "VAE": (
        "a VAE for SD1, SD2 or SDXL",
        {"decoder.conv_in.weight": (512, 4, 3, 3), "encoder.conv_in.weight": (128, 3, 3, 3)},
    ),
    "VAE of 16 channels": (
        "a VAE for SD3 or Flux",
        {"vae.decoder.conv_in.weight": (512, 16, 3, 3)},
    ),
    "VAE of Wan": ("the VAE of Wan or Qwen-Image", {"decoder.middle.0.residual.0.gamma": (8,)}),
    "ESRGAN": (
        "an upscaler of the ESRGAN kind",
        {"model.1.sub.0.RDB1.conv1.0.weight": (8, 8, 3, 3)},
    ),
    "RealESRGAN": ("an upscaler of the ESRGAN kind", {"params_ema.body.0.rdb1.conv1.weight": (8,)}),
    "CLIP": (
        "a CLIP text encoder",
        {"text_model.encoder.layers.0.self_attn.q_proj.weight": (768, 768)},
    ),
    "OpenCLIP": ("a CLIP text encoder", {"transformer.resblocks.0.attn.in_proj_weight": (8, 8)}),
    "T5": (
        "T5, a text encoder",
        {"encoder.block.0.layer.0.SelfAttention.q.weight": (8, 8), "shared.weight": (8, 8)},
    ),
    "language model": ("a language model", {"model.layers.0.self_attn.q_proj.weight": (8, 8)}),
    "unet of a folder": (
        "a unet in diffusers' names",
        {"down_blocks.0.resnets.0.conv1.weight": (8, 8, 3, 3)},
    ),
    "safety checker": ("a safety checker", {"concept_embeds": (17, 768)}),
    "bitsandbytes": (
        "weights quantized by bitsandbytes",
        {"model.diffusion_model.input_blocks.1.1.proj_in.weight.absmax": (8,)},
    ),
}


@pytest.mark.parametrize("name", OTHERS)
def test_another_kind_of_file_is_named(name: str) -> None:
    expected, shapes = OTHERS[name]

    stranger = kinds.stranger_in(tensors(shapes), {})

    assert stranger is not None
    assert stranger.name == expected
    assert stranger.advice
    with pytest.raises(Unusable, match=r"^This is "):
        inspection.contents_of(tensors(shapes))


def test_whole_numbers_are_quantized_weights() -> None:
    narrow = tensors({"model.diffusion_model.out.2.weight": (4, 8)}, dtype="I8")

    assert str(kinds.stranger_in(narrow, {})).startswith("This is weights quantized to I8")


@pytest.mark.parametrize("kind", ORIGINALS)
def test_a_checkpoint_is_no_stranger(kind: str) -> None:
    weights = single_file(ORIGINALS[kind]())
    shapes = {name: tuple(each.shape) for name, each in weights.items()}

    assert kinds.stranger_in(tensors(shapes), {}) is None


@pytest.mark.parametrize(("channels", "words"), [(8, "InstructPix2Pix"), (7, "x4 upscaler")])
def test_a_unet_with_other_inputs_is_named(channels: int, words: str) -> None:
    unet = tensors({"model.diffusion_model.input_blocks.0.0.weight": (8, channels, 3, 3)})

    with pytest.raises(Unusable, match=words):
        inspection.contents_of(unet)


def test_an_unknown_file_says_what_its_tensors_are_called() -> None:
    with pytest.raises(Unusable, match=r"They begin with something\.else"):
        inspection.contents_of(tensors({"something.else": (1,)}))
