"""Detection of real checkpoints' geometry from the names and shapes of their tensors."""

from collections.abc import Mapping
from typing import Any

import pytest
import torch
from diffusers import AutoencoderKL, SD3Transformer2DModel, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

from generation.engine.checkpoints.store import inferred_configs, inspection, text_encoder_configs
from generation.engine.checkpoints.store.inspection import Contents, Encoder, Layout
from generation.engine.checkpoints.store.weights import TensorInfo
from generation.engine.enums import Family
from tests.engine.checkpoints.store import singlefile

UNETS: Mapping[str, tuple[Family, str, Mapping[str, Any]]] = {
    "1.5": (Family.SD1, "epsilon", {"cross_attention_dim": 768, "attention_head_dim": 8}),
    "1.5 inpainting": (
        Family.SD1,
        "epsilon",
        {"cross_attention_dim": 768, "attention_head_dim": 8, "in_channels": 9},
    ),
    "2.1": (
        Family.SD2,
        "v_prediction",
        {
            "sample_size": 96,
            "cross_attention_dim": 1024,
            "attention_head_dim": [5, 10, 20, 20],
            "use_linear_projection": True,
        },
    ),
    "XL": (
        Family.SDXL,
        "epsilon",
        {
            "sample_size": 128,
            "block_out_channels": [320, 640, 1280],
            "down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"],
            "up_block_types": ["CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"],
            "transformer_layers_per_block": [1, 2, 10],
            "cross_attention_dim": 2048,
            "attention_head_dim": [5, 10, 20],
            "use_linear_projection": True,
            "addition_embed_type": "text_time",
            "addition_time_embed_dim": 256,
            "projection_class_embeddings_input_dim": 2816,
        },
    ),
    "XL refiner": (
        Family.SDXL,
        "epsilon",
        {
            "sample_size": 128,
            "block_out_channels": [384, 768, 1536, 1536],
            "down_block_types": [
                "DownBlock2D",
                "CrossAttnDownBlock2D",
                "CrossAttnDownBlock2D",
                "DownBlock2D",
            ],
            "up_block_types": [
                "UpBlock2D",
                "CrossAttnUpBlock2D",
                "CrossAttnUpBlock2D",
                "UpBlock2D",
            ],
            "transformer_layers_per_block": 4,
            "cross_attention_dim": 1280,
            "attention_head_dim": [6, 12, 24, 24],
            "use_linear_projection": True,
            "addition_embed_type": "text_time",
            "addition_time_embed_dim": 256,
            "projection_class_embeddings_input_dim": 2560,
        },
    ),
}
TRANSFORMERS: Mapping[str, Mapping[str, Any]] = {
    "3 medium": {"num_layers": 24, "num_attention_heads": 24, "pos_embed_max_size": 192},
    "3.5 medium": {
        "num_layers": 24,
        "num_attention_heads": 24,
        "pos_embed_max_size": 384,
        "dual_attention_layers": list(range(13)),
        "qk_norm": "rms_norm",
    },
    "3.5 large": {
        "num_layers": 38,
        "num_attention_heads": 38,
        "pos_embed_max_size": 192,
        "qk_norm": "rms_norm",
    },
}
# Width, layers, heads, inner width of each text encoder, and how many layers its file has.
OPENAI_L, LAION_H, LAION_G = (768, 12, 12, 3072), (1024, 23, 16, 4096), (1280, 32, 20, 5120)


def contents(family: Family, weights: Mapping[str, torch.Tensor]) -> Contents:
    tensors = {name: TensorInfo("F16", tuple(each.shape)) for name, each in weights.items()}
    return Contents(family=family, tensors=tensors, vae="first_stage_model.", encoders=())


def shapes(model: Any) -> dict[str, torch.Size]:
    return {name: tensor.shape for name, tensor in model.state_dict().items()}


@pytest.mark.parametrize("name", UNETS)
def test_the_unets_of_the_originals(name: str) -> None:
    family, prediction, real = UNETS[name]
    with torch.device("meta"):
        model = UNet2DConditionModel.from_config({"sample_size": 64, **real})

    config = inferred_configs.denoiser(contents(family, singlefile.unet(model)), prediction)

    with torch.device("meta"):
        again = UNet2DConditionModel.from_config(config)
    assert shapes(again) == shapes(model)
    expected = {"sample_size": 64, **real}
    # Written otherwise where a level has none; the shapes tell.
    expected.pop("transformer_layers_per_block", None)
    assert {key: config[key] for key in expected} == expected


@pytest.mark.parametrize("name", TRANSFORMERS)
def test_the_transformers_of_version_3(name: str) -> None:
    real = TRANSFORMERS[name]
    width = 64 * real["num_attention_heads"]
    with torch.device("meta"):
        model = SD3Transformer2DModel(
            sample_size=128,
            in_channels=16,
            attention_head_dim=64,
            caption_projection_dim=width,
            joint_attention_dim=4096,
            pooled_projection_dim=2048,
            **real,
        )

    config = inferred_configs.denoiser(contents(Family.SD3, singlefile.mmdit(model)), "epsilon")

    with torch.device("meta"):
        again = SD3Transformer2DModel.from_config(config)
    assert shapes(again) == shapes(model)
    assert {key: config[key] for key in real} == real
    assert (config["joint_attention_dim"], config["pooled_projection_dim"]) == (4096, 2048)


@pytest.mark.parametrize(
    ("family", "real"),
    [
        (Family.SD1, {"latent_channels": 4}),
        (Family.SDXL, {"latent_channels": 4, "force_upcast": True, "scaling_factor": 0.13025}),
        (
            Family.SD3,
            {
                "latent_channels": 16,
                "use_quant_conv": False,
                "use_post_quant_conv": False,
                "scaling_factor": 1.5305,
                "shift_factor": 0.0609,
            },
        ),
    ],
)
def test_the_vaes_of_the_originals(family: Family, real: Mapping[str, Any]) -> None:
    with torch.device("meta"):
        model = AutoencoderKL(
            block_out_channels=(128, 256, 512, 512),
            layers_per_block=2,
            down_block_types=("DownEncoderBlock2D",) * 4,
            up_block_types=("UpDecoderBlock2D",) * 4,
            **real,
        )

    config = inferred_configs.vae(contents(family, singlefile.vae(model)))

    with torch.device("meta"):
        again = AutoencoderKL.from_config(config)
    assert shapes(again) == shapes(model)
    assert {key: config[key] for key in real} == real


@pytest.mark.parametrize(
    ("family", "part", "layout", "real", "activation"),
    [
        (Family.SD1, "text_encoder", Layout.CLIP, OPENAI_L, "quick_gelu"),
        (Family.SD2, "text_encoder", Layout.OPEN_CLIP, LAION_H, "gelu"),
        (Family.SDXL, "text_encoder", Layout.CLIP, OPENAI_L, "quick_gelu"),
        (Family.SDXL, "text_encoder_2", Layout.OPEN_CLIP, LAION_G, "gelu"),
        (Family.SD3, "text_encoder", Layout.CLIP, OPENAI_L, "quick_gelu"),
        (Family.SD3, "text_encoder_2", Layout.CLIP, LAION_G, "gelu"),
    ],
)
def test_the_text_encoders_of_the_originals(
    family: Family, part: str, layout: Layout, real: tuple[int, ...], activation: str
) -> None:
    width, layers, heads, inner = real
    is_projected = part == "text_encoder_2" or family is Family.SD3
    model_class = CLIPTextModelWithProjection if is_projected else CLIPTextModel
    in_file = layers + (family is Family.SD2)
    with torch.device("meta"):
        model = model_class(
            CLIPTextConfig(
                hidden_size=width,
                intermediate_size=inner,
                num_hidden_layers=in_file,
                num_attention_heads=heads,
                projection_dim=width,
            )
        )
    name = singlefile.clip if layout is Layout.CLIP else singlefile.open_clip

    config = text_encoder_configs.text_encoder(
        contents(family, name(model, "x.")), Encoder(part, layout, "x."), ids={}
    )

    assert config["architectures"] == [model_class.__name__]
    assert config["hidden_act"] == activation
    assert (config["vocab_size"], config["max_position_embeddings"]) == (49_408, 77)
    seen = ("hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size")
    assert tuple(config[key] for key in seen) == real


def test_a_transformer_alone_lacks_its_encoders_and_its_vae() -> None:
    sign = {"joint_blocks.0.context_block.adaLN_modulation.1.bias": TensorInfo("F16", (1,))}

    alone = inspection.contents_of(sign)

    assert alone.family is Family.SD3
    assert alone.denoiser == ""
    assert alone.missing == ("text_encoder", "text_encoder_2", "vae")


@pytest.mark.parametrize(("width", "family"), [(768, Family.SD1), (1024, Family.SD2)])
def test_a_unet_alone_tells_its_family_by_its_width(width: int, family: Family) -> None:
    start = "model.diffusion_model.input_blocks"
    unet = {
        f"{start}.0.0.weight": TensorInfo("F16", (320, 4, 3, 3)),
        f"{start}.1.1.transformer_blocks.0.attn2.to_k.weight": TensorInfo("F16", (320, width)),
    }

    assert inspection.contents_of(unet).family is family


@pytest.mark.parametrize(
    ("note", "prediction"), [("epsilon", "epsilon"), ("v", "v_prediction"), (None, "epsilon")]
)
def test_a_note_in_the_header_says_what_is_predicted(note: str | None, prediction: str) -> None:
    metadata = {"modelspec.prediction_type": note} if note else {}

    assert inferred_configs.prediction_of(contents(Family.SD1, {}), None, metadata) == prediction


def test_a_note_of_another_prediction_is_refused_unless_it_is_overruled() -> None:
    metadata, file = {"modelspec.prediction_type": "flow"}, contents(Family.SD1, {})

    with pytest.raises(inspection.Unusable, match=r"predicts 'flow'.*--prediction"):
        inferred_configs.prediction_of(file, None, metadata)
    assert inferred_configs.prediction_of(file, "epsilon", metadata) == "epsilon"


@pytest.mark.parametrize("note", ["epsilon", "v", "flow", None])
def test_the_tensor_that_marks_velocity_counts_more_than_the_note(note: str | None) -> None:
    metadata = {"modelspec.prediction_type": note} if note else {}
    file = contents(Family.SDXL, {"v_pred": torch.zeros(0)})

    assert inferred_configs.prediction_of(file, None, metadata) == "v_prediction"
    assert inferred_configs.prediction_of(file, "epsilon", metadata) == "epsilon"


def test_a_note_in_a_file_of_version_3_has_no_use() -> None:
    metadata = {"modelspec.prediction_type": "flow"}

    assert inferred_configs.prediction_of(contents(Family.SD3, {}), None, metadata)


def test_a_unet_whose_layers_differ_is_of_no_known_geometry() -> None:
    with torch.device("meta"):
        model = UNet2DConditionModel.from_config({"cross_attention_dim": 768})
    weights = singlefile.unet(model)
    name = "model.diffusion_model.input_blocks.2.0.out_layers.3.weight"
    weights[name] = weights[name][:64]

    with pytest.raises(inspection.Unusable, match="no known geometry"):
        inferred_configs.denoiser(contents(Family.SD1, weights), "epsilon")
