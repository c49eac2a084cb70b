"""Detection of the family, modes and sizes of a folder in the layout of diffusers."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from generation.engine import strict_json
from generation.engine.checkpoints.builtin import FAMILIES, SD2_BASE, UPSCALER
from generation.engine.checkpoints.checkpoint import GENERAL, PAINTING, Checkpoint
from generation.engine.checkpoints.store import (
    fit,
    pipelines,
    scheduler_configs,
    text_encoder_configs,
)
from generation.engine.checkpoints.store.descriptor import OWN
from generation.engine.checkpoints.store.weights import Unusable
from generation.engine.enums import ENLARGEMENT, Family, Mode

# Version 2 attends to text embeddings of this width; version 1 has 768.
_SD2_TEXT_WIDTH = 1024
# Named shapes are multiples of this part of the native size, as the built-in ones are.
_SHAPES_A_SIDE = 8


def family_of(folder: Path) -> Family:
    """Return the family of a folder by its denoiser and its parts. Raises Unusable."""
    try:
        part = "transformer" if (folder / "transformer").is_dir() else "unet"
        return _family(folder, _config(folder / part))
    except (OSError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise Unusable(f"{folder} is no checkpoint in the layout of diffusers: {error}") from error


def recognize(folder: Path, *, id: str, name: str, family: Family | None = None) -> Checkpoint:
    """Return the catalogue entry for a folder; `family` overrides the detection.

    Raises Unusable.
    """
    try:
        return _recognize(folder, id=id, name=name, family=family)
    except (OSError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise Unusable(f"{folder} is no checkpoint in the layout of diffusers: {error}") from error


def _recognize(folder: Path, *, id: str, name: str, family: Family | None) -> Checkpoint:
    is_sd3 = (folder / "transformer").is_dir()
    denoiser = _config(folder / ("transformer" if is_sd3 else "unet"))
    vae = _config(folder / "vae")
    pipelines.require_vae(vae)
    if not is_sd3:
        pipelines.require_unet(denoiser)
    family = family or _family(folder, denoiser)
    scheduler = scheduler_configs.read(folder)
    scheduler_configs.require_known(scheduler, family)
    fit.require(folder, family)
    modes = _modes(folder, denoiser, vae)
    scale = 2 ** (len(vae["block_out_channels"]) - 1)
    native = int(denoiser["sample_size"]) * scale
    # A unet crops where it doubles odd sizes; a transformer cuts its latents into whole patches.
    patch = int(denoiser["patch_size"]) if is_sd3 else 1
    if Mode.UPSCALE in modes:
        native *= ENLARGEMENT
    entry = _fitted(_model(family, modes, native), native=native, multiple=scale * patch)
    return replace(
        entry,
        text_layers=text_encoder_configs.layers_in(folder) or entry.text_layers,
        id=id,
        name=name,
        source=OWN,
        modes=modes,
        noise_scheduler=scheduler_configs.default_name(scheduler, entry.noise_scheduler),
        summary="",
        license="",
        gated=False,
        refiner="",
    )


def _config(folder: Path) -> Mapping[str, Any]:
    return strict_json.read_object(folder / "config.json")


def _family(folder: Path, denoiser: Mapping[str, Any]) -> Family:
    if (folder / "transformer").is_dir():
        return Family.SD3
    is_xl = denoiser.get("addition_embed_type") == "text_time"
    if is_xl or (folder / "text_encoder_2").is_dir():
        return Family.SDXL
    if denoiser["cross_attention_dim"] == _SD2_TEXT_WIDTH:
        return Family.SD2
    return Family.SD1


def _modes(folder: Path, denoiser: Mapping[str, Any], vae: Mapping[str, Any]) -> frozenset[Mode]:
    """Return the modes, which follow from the denoiser's extra input channels. Raises Unusable."""
    latents = int(vae["latent_channels"])
    beside = int(denoiser["in_channels"]) - latents
    if beside == 0:
        is_refiner = (folder / "text_encoder_2").is_dir() and not (folder / "text_encoder").is_dir()
        return frozenset({Mode.IMAGE_TO_IMAGE}) if is_refiner else GENERAL
    if beside == latents + 1:
        return PAINTING
    if beside == 1:
        return frozenset({Mode.DEPTH_TO_IMAGE})
    if beside == 3 and (folder / "low_res_scheduler").is_dir():
        return frozenset({Mode.UPSCALE})
    if beside == latents:
        raise Unusable(
            "This is InstructPix2Pix, or another model that edits by instruction: no mode here works like that."
        )
    raise Unusable(
        f"The denoiser sees {beside} channels beside its latents: no mode here works like that."
    )


def _model(family: Family, modes: frozenset[Mode], native: int) -> Checkpoint:
    """Return the built-in checkpoint to take defaults from."""
    if Mode.UPSCALE in modes:
        return UPSCALER
    if family is Family.SD2 and native <= SD2_BASE.native_size:
        return SD2_BASE
    return FAMILIES[family]


def _fitted(model: Checkpoint, *, native: int, multiple: int) -> Checkpoint:
    """Return the model with its sizes replaced, if the checkpoint's native size is unusual."""
    if native == model.native_size and model.multiple % multiple == 0:
        return model
    if Mode.UPSCALE in model.modes:
        return model
    return replace(
        model,
        native_size=native // multiple * multiple,
        multiple=multiple,
        shape_multiple=max(native // _SHAPES_A_SIDE // multiple, 1) * multiple,
        min_size=max(native // 2 // multiple, 1) * multiple,
        max_size=native * 2 // multiple * multiple,
    )
