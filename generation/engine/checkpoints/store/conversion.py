"""Conversion of a single file into a folder in the layout of diffusers, by diffusers' own code.

It reads one part at a time, which bounds the memory. It needs no network: configurations come from
`inferred_configs`, vocabularies from another checkpoint.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from diffusers.loaders.single_file_utils import (
    convert_ldm_clip_checkpoint,
    convert_ldm_unet_checkpoint,
    convert_ldm_vae_checkpoint,
    convert_open_clip_checkpoint,
    convert_sd3_t5_checkpoint_to_diffusers,
    convert_sd3_transformer_checkpoint_to_diffusers,
)
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.transformers.transformer_sd3 import SD3Transformer2DModel
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor
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
from generation.engine.checkpoints.store.inspection import DENOISER, Contents, Encoder, Layout
from generation.engine.checkpoints.store.structure import INDEX
from generation.engine.checkpoints.store.tokenizers import END, FILLER, ClipVocabulary, write_t5
from generation.engine.checkpoints.store.weights import Unusable
from generation.engine.enums import Family

Weights = dict[str, Tensor]

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
# Formats for storage only: the engine cannot compute in them.
_EIGHT_BITS = (torch.float8_e4m3fn, torch.float8_e5m2)


def convert(
    path: Path,
    contents: Contents,
    folder: Path,
    *,
    prediction: str,
    clip: ClipVocabulary,
    t5: Path | None,
) -> None:
    """Write the checkpoint into an empty folder. Raises Unusable if its parts don't fit together."""
    encoders = [each for each in contents.encoders if each.layout is not Layout.T5 or t5]
    for encoder in encoders:
        _write_encoder(path, contents, encoder, folder, clip=clip, t5=t5)
    _write_denoiser(path, contents, folder, prediction=prediction)
    _write_vae(path, contents, folder)
    scheduler = scheduler_configs.inferred(contents, prediction)
    (folder / scheduler_configs.PATH).parent.mkdir()
    write_json(folder / scheduler_configs.PATH, scheduler)
    parts = [encoder.part for encoder in encoders]
    write_json(folder / INDEX, _index(contents, parts, scheduler=scheduler["_class_name"]))


def _write_denoiser(path: Path, contents: Contents, folder: Path, *, prediction: str) -> None:
    config = inferred_configs.denoiser(contents, prediction)
    read = _read(path, DENOISER)
    if contents.family is Family.SD3:
        converted = convert_sd3_transformer_checkpoint_to_diffusers(read)
        _save(SD3Transformer2DModel, config, converted, folder / "transformer")
    else:
        converted = convert_ldm_unet_checkpoint(read, config)
        _save(UNet2DConditionModel, config, converted, folder / "unet")


def _write_vae(path: Path, contents: Contents, folder: Path) -> None:
    config = inferred_configs.vae(contents)
    converted = convert_ldm_vae_checkpoint(_read(path, contents.vae), config)
    _save(AutoencoderKL, config, converted, folder / "vae")


def _write_encoder(
    path: Path,
    contents: Contents,
    encoder: Encoder,
    folder: Path,
    *,
    clip: ClipVocabulary,
    t5: Path | None,
) -> None:
    """Write a text encoder beside its tokenizer."""
    filler = FILLER if _fills_with_a_mark(contents, encoder) else END
    config = text_encoder_configs.text_encoder(contents, encoder, ids=clip.ids(filler=filler))
    tokenizer = folder / encoder.part.replace("text_encoder", "tokenizer")
    if encoder.layout is Layout.T5:
        assert t5 is not None
        write_t5(t5, tokenizer)
    else:
        clip.write(tokenizer, length=config["max_position_embeddings"], filler=filler)
    config_class = T5Config if encoder.layout is Layout.T5 else CLIPTextConfig
    model_class = _TEXT_MODELS[config["architectures"][0]]
    with torch.device("meta"):
        model = model_class(config_class(**config))
    weights = _encoder_weights(path, encoder, model)
    _assign(model, weights, part=encoder.part)
    model.save_pretrained(folder / encoder.part)


def _fills_with_a_mark(contents: Contents, encoder: Encoder) -> bool:
    """Return True if the encoder pads short prompts with an exclamation mark, as OpenCLIP does."""
    return encoder.layout is Layout.OPEN_CLIP or (
        contents.family is Family.SD3 and encoder.part == "text_encoder_2"
    )


def _encoder_weights(path: Path, encoder: Encoder, model: Any) -> Weights:
    read = _read(path, encoder.prefix)
    converted: Weights
    if encoder.layout is Layout.T5:
        converted = convert_sd3_t5_checkpoint_to_diffusers(read)
        converted.setdefault("encoder.embed_tokens.weight", converted["shared.weight"])
        return converted
    if encoder.layout is Layout.OPEN_CLIP:
        converted = convert_open_clip_checkpoint(
            model, _without_unused(read, encoder, model), prefix=encoder.prefix
        )
    else:
        converted = convert_ldm_clip_checkpoint(read, encoder.prefix)
    if hasattr(model, "text_model"):
        if "text_projection.weight" not in converted:
            some = next(iter(converted.values()))
            identity = torch.eye(model.config.hidden_size, dtype=some.dtype)
            converted["text_projection.weight"] = identity
        return {_wrapped(name): tensor for name, tensor in converted.items()}
    converted.pop("text_projection.weight", None)
    return {name.removeprefix("text_model."): tensor for name, tensor in converted.items()}


def _wrapped(name: str) -> str:
    is_inner = not name.startswith(("text_model.", "text_projection."))
    return f"text_model.{name}" if is_inner else name


def _without_unused(read: Weights, encoder: Encoder, model: Any) -> Weights:
    """Drop the layer after the last one of the configuration."""
    unused = f"{encoder.prefix}transformer.resblocks.{model.config.num_hidden_layers}."
    return {name: tensor for name, tensor in read.items() if not name.startswith(unused)}


def _read(path: Path, prefix: str) -> Weights:
    """Return the tensors with this prefix, by their full names. Eight-bit ones become bfloat16."""
    found = {}
    with safe_open(path, framework="pt") as file:
        for name in file.keys():  # noqa: SIM118  # it is no mapping
            if name.startswith(prefix):
                tensor = file.get_tensor(name)
                found[name] = tensor.bfloat16() if tensor.dtype in _EIGHT_BITS else tensor
    return found


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


def _index(contents: Contents, encoders: list[str], *, scheduler: str) -> dict[str, Any]:
    is_sd3 = contents.family is Family.SD3
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
