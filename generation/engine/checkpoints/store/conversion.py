"""Conversion of a single file's parts into folders in the layout of diffusers, by diffusers' own code.

It reads one part at a time, which bounds the memory. It needs no network: configurations come from
`inferred_configs`, vocabularies from another checkpoint.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from diffusers.loaders.single_file_utils import (
    convert_ldm_unet_checkpoint,
    convert_ldm_vae_checkpoint,
    convert_open_clip_checkpoint,
    convert_sd3_transformer_checkpoint_to_diffusers,
)
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.transformers.transformer_sd3 import SD3Transformer2DModel
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from safetensors.torch import save_file
from torch.nn import Module
from transformers.models.clip.configuration_clip import CLIPTextConfig
from transformers.models.clip.modeling_clip import CLIPTextModel, CLIPTextModelWithProjection
from transformers.models.t5.configuration_t5 import T5Config
from transformers.models.t5.modeling_t5 import T5EncoderModel

from generation.engine.checkpoints.store import (
    inferred_configs,
    scheduler_configs,
    text_encoder_configs,
)
from generation.engine.checkpoints.store.files import write_json
from generation.engine.checkpoints.store.inspection import Contents, Encoder, Layout
from generation.engine.checkpoints.store.kinds import DENOISER
from generation.engine.checkpoints.store.structure import INDEX
from generation.engine.checkpoints.store.tensor_reading import Weights, read
from generation.engine.checkpoints.store.tokenizers import END, FILLER, ClipVocabulary, write_t5
from generation.engine.checkpoints.store.weights import Unusable
from generation.engine.enums import Family

_PIPELINES: Mapping[Family, str] = {
    Family.SD1: "StableDiffusionPipeline",
    Family.SD2: "StableDiffusionPipeline",
    Family.SDXL: "StableDiffusionXLPipeline",
    Family.SD3: "StableDiffusion3Pipeline",
}
_TEXT_MODELS = {
    each.__name__: each for each in (CLIPTextModel, CLIPTextModelWithProjection, T5EncoderModel)
}
# Buffers of older versions, and a scale that only training needs.
_LEFT_OVER = ("position_ids", "logit_scale")
# diffusers' code wants some prefix before OpenCLIP's names.
_OPEN_CLIP = "open_clip."


def write_denoiser(path: Path, contents: Contents, folder: Path, *, prediction: str) -> None:
    """Write the unet or the transformer with its noise schedule. Raises Unusable."""
    config = inferred_configs.denoiser(contents, prediction)
    weights = _with_prefix(read(path, contents.denoiser), DENOISER)
    if contents.family is Family.SD3:
        converted = convert_sd3_transformer_checkpoint_to_diffusers(weights)
        _save(SD3Transformer2DModel, config, converted, folder / "transformer")
    else:
        converted = convert_ldm_unet_checkpoint(weights, config)
        _save(UNet2DConditionModel, config, converted, folder / "unet")
    (folder / scheduler_configs.PATH).parent.mkdir()
    write_json(folder / scheduler_configs.PATH, scheduler_configs.inferred(contents, prediction))


def write_vae(path: Path, contents: Contents, folder: Path) -> None:
    """Write the VAE. Raises Unusable."""
    assert contents.vae is not None
    config = inferred_configs.vae(contents)
    converted = convert_ldm_vae_checkpoint(read(path, contents.vae), config)
    _save(AutoencoderKL, config, converted, folder / "vae")


def write_t5_encoder(
    path: Path, contents: Contents, encoder: Encoder, folder: Path, *, vocabulary: Path
) -> None:
    """Write T5 beside its tokenizer. Raises Unusable."""
    config = text_encoder_configs.text_encoder(contents, encoder, ids={})
    write_t5(vocabulary, folder / "tokenizer_3")
    _write_encoder(path, encoder, folder, T5Config(**config), config["architectures"][0])


def write_clip_encoder(
    path: Path, contents: Contents, encoder: Encoder, folder: Path, *, vocabulary: ClipVocabulary
) -> None:
    """Write a text encoder of CLIP beside its tokenizer. Raises Unusable."""
    filler = FILLER if _fills_with_a_mark(contents, encoder) else END
    ids = vocabulary.ids(filler=filler)
    config = text_encoder_configs.text_encoder(contents, encoder, ids=ids)
    vocabulary.write(
        folder / encoder.part.replace("text_encoder", "tokenizer"),
        length=config["max_position_embeddings"],
        filler=filler,
    )
    _write_encoder(path, encoder, folder, CLIPTextConfig(**config), config["architectures"][0])


def write_index(contents: Contents, encoders: Iterable[str], folder: Path) -> None:
    """Write the index of a folder that has the other parts already."""
    write_json(folder / INDEX, _index(contents, sorted(encoders), folder))


def _write_encoder(
    path: Path, encoder: Encoder, folder: Path, config: Any, model_class: str
) -> None:
    with torch.device("meta"):
        model = _TEXT_MODELS[model_class](config)
    _assign(model, _encoder_weights(path, encoder, model), part=encoder.part)
    model.save_pretrained(folder / encoder.part)


def _fills_with_a_mark(contents: Contents, encoder: Encoder) -> bool:
    """Return True if the encoder pads short prompts with an exclamation mark, as OpenCLIP does."""
    return contents.family is Family.SD2 or encoder.part == "text_encoder_2"


def _encoder_weights(path: Path, encoder: Encoder, model: Any) -> Weights:
    weights = read(path, encoder.prefix)
    if encoder.layout is Layout.T5:
        shared = weights.get("shared.weight", weights.get("encoder.embed_tokens.weight"))
        if shared is None:
            raise Unusable("text_encoder_3 has no words.")
        return {"shared.weight": shared, "encoder.embed_tokens.weight": shared, **weights}
    if encoder.layout is Layout.OPEN_CLIP:
        used = _with_prefix(_without_unused(weights, model), _OPEN_CLIP)
        weights = convert_open_clip_checkpoint(model, used, prefix=_OPEN_CLIP)
    if hasattr(model, "text_model"):
        if "text_projection.weight" not in weights:
            some = next(iter(weights.values()))
            identity = torch.eye(model.config.hidden_size, dtype=some.dtype)
            weights["text_projection.weight"] = identity
        return {_wrapped(name): tensor for name, tensor in weights.items()}
    weights.pop("text_projection.weight", None)
    return {name.removeprefix("text_model."): tensor for name, tensor in weights.items()}


def _wrapped(name: str) -> str:
    is_inner = not name.startswith(("text_model.", "text_projection."))
    return f"text_model.{name}" if is_inner else name


def _without_unused(weights: Weights, model: Any) -> Weights:
    """Drop the layer after the last one of the configuration."""
    unused = f"transformer.resblocks.{model.config.num_hidden_layers}."
    return {name: tensor for name, tensor in weights.items() if not name.startswith(unused)}


def _with_prefix(weights: Weights, prefix: str) -> Weights:
    return {prefix + name: tensor for name, tensor in weights.items()}


def _save(
    model_class: Any, config: inferred_configs.Config, weights: Weights, folder: Path
) -> None:
    with torch.device("meta"):
        model = model_class.from_config(config)
    _assign(model, weights, part=folder.name)
    folder.mkdir(parents=True)
    write_json(folder / "config.json", config)
    save_file(
        {name: tensor.contiguous() for name, tensor in model.state_dict().items()},
        folder / "diffusion_pytorch_model.safetensors",
        metadata={"format": "pt"},
    )


def _assign(model: Module, weights: Weights, *, part: str) -> None:
    """Load the weights into the model. Raises Unusable if they do not fit its configuration."""
    kept = {name: tensor for name, tensor in weights.items() if not name.endswith(_LEFT_OVER)}
    try:
        model.load_state_dict(kept, assign=True)
    except RuntimeError as error:
        reasons = " ".join(str(error).split())
        raise Unusable(f"{part} is of no known geometry. {reasons[:500]}") from error


def _index(contents: Contents, encoders: list[str], folder: Path) -> dict[str, Any]:
    is_sd3 = contents.family is Family.SD3
    scheduler = scheduler_configs.read(folder)["_class_name"]
    index: dict[str, Any] = {
        "_class_name": _PIPELINES[contents.family],
        "scheduler": ["diffusers", scheduler],
        "vae": ["diffusers", "AutoencoderKL"],
    }
    if is_sd3:
        index["transformer"] = ["diffusers", "SD3Transformer2DModel"]
    else:
        index["unet"] = ["diffusers", "UNet2DConditionModel"]
    for part in encoders:
        is_t5 = part == "text_encoder_3"
        has_projection = is_sd3 or part == "text_encoder_2"
        name = "CLIPTextModelWithProjection" if has_projection else "CLIPTextModel"
        index[part] = ["transformers", "T5EncoderModel" if is_t5 else name]
        tokenizer = "T5TokenizerFast" if is_t5 else "CLIPTokenizer"
        index[part.replace("text_encoder", "tokenizer")] = ["transformers", tokenizer]
    if contents.family is Family.SDXL:
        is_refiner = "text_encoder" not in encoders
        index["force_zeros_for_empty_prompt"] = not is_refiner
        if is_refiner:
            index["_class_name"] = "StableDiffusionXLImg2ImgPipeline"
            index["requires_aesthetics_score"] = True
    return index
