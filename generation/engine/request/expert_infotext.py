"""Infotext's names for clip skip, eta, variation of seeds, and masks."""

from collections.abc import Callable, Mapping

from generation.engine.enums import MaskFill, Mode
from generation.engine.request import GenerationRequest

_ONLY_MASKED = "Only masked"
_FILLS: Mapping[MaskFill, str] = {
    MaskFill.FILL: "fill",
    MaskFill.ORIGINAL: "original",
    MaskFill.LATENT_NOISE: "latent noise",
    MaskFill.LATENT_NOTHING: "latent nothing",
}


def write(request: GenerationRequest) -> dict[str, str]:
    """Return those of the request's settings that are not the usual ones; `request` makes one image."""
    settings = {}
    if request.clip_skip > 1:
        settings["Clip skip"] = str(request.clip_skip)
    if request.eta is not None:
        settings["Eta"] = f"{request.eta:g}"
    if request.subseed_strength:
        settings["Variation seed"] = str(request.subseed)
        settings["Variation seed strength"] = f"{request.subseed_strength:g}"
    return settings | (_mask(request) if request.mode is Mode.INPAINT else {})


def _mask(request: GenerationRequest) -> dict[str, str]:
    settings = {}
    if request.mask_blur:
        settings["Mask blur"] = str(request.mask_blur)
    if request.only_masked:
        settings["Inpaint area"] = _ONLY_MASKED
        settings["Masked area padding"] = str(request.mask_padding)
    if request.mask_fill is not MaskFill.ORIGINAL:
        settings["Masked content"] = _FILLS[request.mask_fill]
    return settings


def _fill(text: str) -> str:
    """Return the fill of this name. Raises KeyError."""
    return {name: fill.value for fill, name in _FILLS.items()}[text]


FIELDS: Mapping[str, tuple[str, Callable[[str], str | int | float]]] = {
    "Clip skip": ("clip_skip", int),
    "Eta": ("eta", float),
    "Variation seed": ("subseed", int),
    "Variation seed strength": ("subseed_strength", float),
    "Mask blur": ("mask_blur", int),
    "Inpaint area": ("only_masked", _ONLY_MASKED.__eq__),
    "Masked area padding": ("mask_padding", int),
    "Masked content": ("mask_fill", _fill),
}
"""The names, with the fields of a request and how to read them."""
