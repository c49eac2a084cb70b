"""Check that a folder's parts belong together, by their configurations."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from generation.engine import strict_json
from generation.engine.checkpoints.store.weights import Unusable
from generation.engine.enums import Family

Config = Mapping[str, Any]

_VAE = "Bring the one of its family: --vae PATH."
_ENCODER = "Bring those of its family: --text-encoder PATH."


def require(folder: Path, family: Family) -> None:
    """Raise Unusable for a VAE or text encoders that were made for another denoiser."""
    for part in folder.iterdir():
        _require_plain(part.name, _config(part))
    is_sd3 = family is Family.SD3
    denoiser = _config(folder / ("transformer" if is_sd3 else "unet"))
    _require_vae(_config(folder / "vae"), denoiser)
    first, second, third = (
        _config(folder / part) for part in ("text_encoder", "text_encoder_2", "text_encoder_3")
    )
    if is_sd3:
        pooled = _sum("projection_dim", first, second)
        _require_same(
            pooled, denoiser.get("pooled_projection_dim"), "projections of the text encoders"
        )
        if third:
            _require_same(third.get("d_model"), denoiser.get("joint_attention_dim"), "width of T5")
        return
    # A unet with a projection of its own takes any width.
    if denoiser.get("encoder_hid_dim_type") is None:
        encoders = (first, second) if family is Family.SDXL else (first,)
        width = _sum("hidden_size", *encoders)
        _require_same(width, denoiser.get("cross_attention_dim"), "width of the text encoders")


def _require_plain(part: str, config: Config) -> None:
    if quantization := config.get("quantization_config"):
        method = quantization.get("quant_method", "") if isinstance(quantization, dict) else ""
        raise Unusable(
            f"{part} is quantized{f' by {method}' if method else ''}. Quantized weights are not read here: take the "
            "folder in half precision."
        )


def _require_vae(vae: Config, denoiser: Config) -> None:
    has = vae.get("latent_channels")
    wants = denoiser.get("out_channels") or denoiser.get("in_channels")
    if isinstance(has, int) and isinstance(wants, int) and has != wants:
        raise Unusable(f"The VAE's latents have {has} channels, the denoiser's {wants}. {_VAE}")


def _require_same(has: object, wants: object, of: str) -> None:
    if isinstance(has, int) and isinstance(wants, int) and has and has != wants:
        raise Unusable(f"The {of} is {has}, and the denoiser takes {wants}. {_ENCODER}")


def _sum(field: str, *configs: Config) -> int:
    return sum(value for each in configs if isinstance(value := each.get(field), int))


def _config(folder: Path) -> Config:
    """Return the part's configuration; empty if the folder has no such part."""
    try:
        return strict_json.read_object(folder / "config.json")
    except (OSError, ValueError):
        return {}
