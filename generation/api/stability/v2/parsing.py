"""Reads Stability's v2beta requests, which are all forms."""

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest
from django.utils.translation import gettext as _

from accounts.models import ApiKey
from generation.api import auth, build_request, errors, files, parsing
from generation.api.stability.parsing import FOREIGN
from generation.engine.enums import Mode
from generation.engine.request import GenerationRequest
from generation.images import file_formats
from generation.options.sizes import size_of

RATIOS = ("21:9", "16:9", "3:2", "5:4", "1:1", "4:5", "2:3", "9:16", "9:21")


def generate(request: HttpRequest) -> GenerationRequest:
    key = auth.call_of(request).key
    fields, sent = parsing.form(request)
    image = parsing.file_of(sent, "image", is_required=False)
    mode = Mode.IMAGE_TO_IMAGE if image else Mode.TEXT_TO_IMAGE
    if not image and fields.get("mode") == "image-to-image":
        raise errors.invalid("image", _("Add a picture for this."))
    name = parsing.text(fields, "model")
    checkpoint = build_request.known_as(key, name, mode=mode, foreign=FOREIGN)
    width, height = (None, None) if image else _size(key, fields, checkpoint)
    return build_request.build_request(
        key,
        **_common(fields),
        checkpoint=checkpoint,
        mode=mode.value,
        width=width,
        height=height,
        image=files.receive(key, image).digest if image else "",
        strength=parsing.number(fields, "strength"),
    )


def inpaint(request: HttpRequest) -> GenerationRequest:
    key = auth.call_of(request).key
    fields, sent = parsing.form(request)
    image = files.receive(key, parsing.file_of(sent, "image"))
    content = parsing.file_of(sent, "mask", is_required=False)
    mask = files.receive_mask(key, content) if content else files.mask_in(key, image)
    if mask is None:
        raise errors.invalid("mask", _("Add a picture for this."))
    return build_request.build_request(
        key,
        **_common(fields),
        mode=Mode.INPAINT.value,
        image=image.digest,
        mask=mask.digest,
    )


def outpaint(request: HttpRequest) -> GenerationRequest:
    key = auth.call_of(request).key
    fields, sent = parsing.form(request)
    names = {"left": "left", "right": "right", "up": "top", "down": "bottom"}
    room = {ours: parsing.integer(fields, theirs) for theirs, ours in names.items()}
    if any(side is not None and not 0 <= side <= 2_000 for side in room.values()):
        raise errors.invalid("left", _("Choose numbers from 0 to 2000."))
    image = files.receive(key, parsing.file_of(sent, "image"))
    return build_request.build_request(
        key, **_common(fields), **room, mode=Mode.OUTPAINT.value, image=image.digest
    )


def upscale(request: HttpRequest) -> GenerationRequest:
    key = auth.call_of(request).key
    fields, sent = parsing.form(request)
    # Before the image is stored: without an upscaler it would be kept for nothing.
    checkpoint = build_request.checkpoint_of(key, "", mode=Mode.UPSCALE)
    image = files.receive(key, parsing.file_of(sent, "image"))
    return build_request.build_request(
        key,
        **_common(fields),
        checkpoint=checkpoint.id,
        mode=Mode.UPSCALE.value,
        image=image.digest,
    )


def _common(fields: Mapping[str, Any]) -> dict[str, Any]:
    parsing.require_missing(fields, "style_preset", "creativity", "grow_mask")
    return {
        "prompt": parsing.text(fields, "prompt"),
        "negative_prompt": parsing.text(fields, "negative_prompt"),
        "guidance_scale": parsing.number(fields, "cfg_scale"),
        "seed": parsing.seed(fields, is_zero_random=True),
    }


def _size(key: ApiKey, fields: Mapping[str, Any], checkpoint: str) -> tuple[int, int]:
    ratio = parsing.text(fields, "aspect_ratio") or "1:1"
    if ratio not in RATIOS:
        raise errors.invalid("aspect_ratio", _("This shape is not known."))
    across, down = ratio.split(":")
    return size_of(build_request.checkpoint_of(key, checkpoint), int(across), int(down))


def output_format(request: HttpRequest) -> str:
    format = parsing.text(parsing.form(request)[0], "output_format") or "png"
    if format not in file_formats.FORMATS:
        raise errors.invalid("output_format", _("Choose png, jpeg or webp."))
    return format
