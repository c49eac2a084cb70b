"""The pipelines of diffusers whose folders the engine can follow, and the fields of a unet that it can't."""

import re
from collections.abc import Mapping
from typing import Any

from generation.engine.checkpoints.store.weights import Unusable

# PAG is a kind of guidance: its folders have ordinary weights.
_KNOWN = re.compile(
    r"StableDiffusion(XL|3)?(PAG)?(Img2Img|Inpaint(Legacy)?|Depth2Img|Upscale)?Pipeline(Legacy)?"
    r"|LatentConsistencyModel(Img2Img)?Pipeline"
)
# Words in the names of other pipelines, and what they mean.
_OTHERS: Mapping[str, str] = {
    "ControlNet": "a pipeline with a ControlNet, which would be left out",
    "Adapter": "a pipeline with a T2I-Adapter, which would be left out",
    "InstructPix2Pix": "InstructPix2Pix, which edits by instruction: no mode here works like that",
    "StableUnCLIP": "Stable unCLIP, which starts from a picture's embedding: no mode here works like that",
    "Onnx": "ONNX weights: take the checkpoint's safetensors for PyTorch",
    "Flax": "weights for Flax: take the checkpoint's safetensors for PyTorch",
    "LatentUpscale": "the upscaler for latents: use sd-x4-upscaler",
    "Video": "a model of videos",
    "AnimateDiff": "a model of videos",
}
_MODELS = "Of models, Stable Diffusion 1, 2, XL and 3 are read here."
# Fields that need inputs which the engine does not make. `num_class_embeds` is the upscaler's.
_UNET_FIELDS: Mapping[str, tuple[Any, ...]] = {
    "_class_name": ("UNet2DConditionModel",),
    "addition_embed_type": (None, "text", "text_time"),
    "attention_type": (None, "default"),
    "class_embed_type": (None,),
    "encoder_hid_dim_type": (None, "text_proj"),
}
_VAES = ("AutoencoderKL", "AutoencoderTiny")


def require_known(index: Mapping[str, Any]) -> None:
    """Raise Unusable for a folder of another pipeline, by its name. An index without a name passes."""
    name = index.get("_class_name")
    if isinstance(name, list) and name:
        # A pipeline of the folder's own: its code is not run here.
        name = name[-1]
    if name is None or (isinstance(name, str) and _KNOWN.fullmatch(name)):
        return
    meaning = next((words for part, words in _OTHERS.items() if part in str(name)), "")
    raise Unusable(f"This folder is of {name}{f', {meaning}' if meaning else ''}. {_MODELS}")


def require_unet(config: Mapping[str, Any]) -> None:
    """Raise Unusable for a unet that needs other inputs than the engine's."""
    for field, allowed in _UNET_FIELDS.items():
        if config.get(field, allowed[0]) not in allowed:
            raise Unusable(
                f"The unet's {field} is {config[field]!r}, for which there is no mode here. {_MODELS}"
            )


def require_vae(config: Mapping[str, Any]) -> None:
    """Raise Unusable for a VAE of another kind."""
    name = config.get("_class_name", _VAES[0])
    if name not in _VAES:
        raise Unusable(f"Its VAE is of the kind {name}. Bring an ordinary one: --vae PATH.")
    if config.get("latents_mean") or config.get("latents_std"):
        raise Unusable(
            "Its VAE shifts every channel of its latents (latents_mean), as EDM models do. That can't be followed here."
        )
