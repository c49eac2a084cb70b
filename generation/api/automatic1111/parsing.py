"""Builds GenerationRequests from the bodies of txt2img, img2img and extra-single-image."""

import math
from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from accounts.models import ApiKey
from generation.api import build_request, errors, files, parsing
from generation.api.automatic1111 import expert, names, refused_fields
from generation.engine.checkpoints.catalogue import CHECKPOINTS
from generation.engine.enums import Mode
from generation.engine.request import MAX_IMAGES, GenerationRequest

DENOISING_STRENGTH = 0.75
# Their product is the number of images.
FACTORS = ("batch_size", "n_iter")
CONTROLNET = "controlnet"
# The web UI's own, which its API does not read: some clients send what its page does.
_ONLY_ON_PAGES = ("sampler", "seed")
# Names of the switches in extensions' settings, and their values for off.
_SWITCHES = ("enabled", "enable", "is_enabled", "ad_model", "ad_tab_enable")
_OFF = (False, None, "", "None", "false", "False")


def require_supported(body: Mapping[str, Any]) -> None:
    """Reject scripts and extensions: ignoring them would charge for a different image.

    Raises ApiError.
    """
    refused_fields.require_none(body)
    if parsing.text(body, "script_name"):
        raise errors.invalid("script_name", _("There are no scripts here."))
    scripts = body.get("alwayson_scripts")
    for name, settings in scripts.items() if isinstance(scripts, dict) else ():
        if name.lower() in _ONLY_ON_PAGES or not _is_used(settings):
            continue
        if name.lower() == CONTROLNET:
            raise errors.invalid("alwayson_scripts", _("There is no ControlNet here."))
        raise errors.invalid(
            "alwayson_scripts",
            _("There is no “%(name)s” here. Switch it off.") % {"name": name[:100]},
        )
    expert.require_plain_prompts(body)


def generation_request(key: ApiKey, body: Mapping[str, Any], mode: Mode) -> GenerationRequest:
    """The request of txt2img or img2img; stores the images it brings. Raises ApiError or InvalidRequest."""
    number = math.prod(parsing.count(body, name, limit=MAX_IMAGES) for name in FACTORS)
    if number > MAX_IMAGES:
        raise errors.invalid(
            "batch_size", _("Choose a number from 1 to %(limit)d.") % {"limit": MAX_IMAGES}
        )
    width, height = parsing.integer(body, "width"), parsing.integer(body, "height")
    checkpoint = names.checkpoint_in(key, body, mode=mode, size=(width, height))
    sampling = names.sampling_in(body, checkpoint)
    effective = sampling.get("noise_scheduler") or CHECKPOINTS[checkpoint].noise_scheduler
    return build_request.build_request(
        key,
        prompt=parsing.text(body, "prompt"),
        negative_prompt=parsing.text(body, "negative_prompt"),
        checkpoint=checkpoint,
        mode=mode.value,
        width=width,
        height=height,
        num_inference_steps=parsing.integer(body, "steps"),
        guidance_scale=parsing.number(body, "cfg_scale"),
        **sampling,
        seed=parsing.seed(body),
        num_images=number,
        **expert.noise_settings(key, body, effective),
        **_images(key, body, mode),
    )


def upscale_request(key: ApiKey, body: Mapping[str, Any]) -> GenerationRequest:
    """The request of extra-single-image; stores its image. Raises ApiError or InvalidRequest."""
    # Before the image is stored: without an upscaler it would be kept for nothing.
    checkpoint = names.upscaler_in(key, body)
    content = files.decoded(parsing.text(body, "image", limit=None), param="image")
    image = files.receive(key, content)
    return build_request.build_request(
        key, checkpoint=checkpoint, mode=Mode.UPSCALE.value, image=image.digest
    )


def _images(key: ApiKey, body: Mapping[str, Any], mode: Mode) -> dict[str, Any]:
    if mode is Mode.TEXT_TO_IMAGE:
        return {}
    given = body["init_images"]
    pictures = given if isinstance(given, list) else [given]
    parsing.require_one(pictures, "init_images")
    first = {"init_images": pictures[0]}
    text = parsing.text(first, "init_images", limit=None)
    image = files.receive(key, files.decoded(text, param="init_images"), param="init_images")
    masking = expert.mask_settings(body) if mode is Mode.INPAINT else {}
    # The part around a mask is cut out in the shape that is asked for, so nothing is stretched.
    if not masking.get("only_masked"):
        width, height = parsing.integer(body, "width"), parsing.integer(body, "height")
        expert.require_plain_resizing(
            body,
            given=(image.width, image.height),
            asked=(width or image.width, height or image.height),
        )
    strength = parsing.number(body, "denoising_strength")
    images = {
        "image": image.digest,
        "strength": DENOISING_STRENGTH if strength is None else strength,
    }
    if mode is Mode.INPAINT:
        content = files.decoded(parsing.text(body, "mask", limit=None), param="mask")
        invert = bool(parsing.integer(body, "inpainting_mask_invert"))
        images["mask"] = files.receive_mask(key, content, invert=invert).digest
        images |= masking
    return images


def _is_used(settings: Any) -> bool:
    """Say whether an extension's settings enable it."""
    units = settings.get("args") if isinstance(settings, dict) else settings
    if not isinstance(units, list):
        units = [units]
    # The first of most extensions' settings is their switch.
    if units and isinstance(units[0], bool):
        return units[0]
    return any(map(_is_on, units))


def _is_on(unit: Any) -> bool:
    if not isinstance(unit, dict) or not unit:
        return bool(unit)
    switches = [unit[name] for name in _SWITCHES if name in unit]
    return all(value not in _OFF for value in switches)
