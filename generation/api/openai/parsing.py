"""What is asked of OpenAI's wire: the request, how its answer is to look, and what it is known again by.

What their clients send and means nothing here (quality, background, moderation, user, ...) is ignored.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.utils.translation import gettext as _

from accounts.models import ApiKey
from generation.api import build_request, errors, files, orders, parsing
from generation.api.openai.errors import ResponseFormat
from generation.api.orders import Idempotency
from generation.engine.enums import Mode
from generation.engine.request import GenerationRequest

MOST_PICTURES = 10
MOST_PARTIAL = 3
# How the names of OpenAI's own models begin, which some programs know no other way than to send.
ELSEWHERE = ("dall-e-", "gpt-image-", "chatgpt-image-")


@dataclass(frozen=True, kw_only=True)
class ParsedRequest:
    """One of their requests: what was sent, and the pictures that came with it."""

    fields: Mapping[str, Any]
    mode: Mode
    image: bytes = b""
    mask: bytes = b""
    # Whether what is transparent of the picture is to be painted anew.
    may_be_holed: bool = False


def generation(request: HttpRequest) -> ParsedRequest:
    return ParsedRequest(fields=parsing.json_object(request), mode=Mode.TEXT_TO_IMAGE)


def edit(request: HttpRequest) -> ParsedRequest:
    """With a mask, or a picture that is transparent in parts, those are painted anew; else all is."""
    fields, sent = parsing.form(request)
    image = parsing.file_of(sent, "image", "image[]")
    mask = parsing.file_of(sent, "mask", is_required=False)
    return ParsedRequest(
        fields=fields,
        mode=Mode.INPAINT if mask else Mode.IMAGE_TO_IMAGE,
        image=image,
        mask=mask,
        may_be_holed=True,
    )


def variation(request: HttpRequest) -> ParsedRequest:
    fields, sent = parsing.form(request)
    image = parsing.file_of(sent, "image")
    return ParsedRequest(fields={**fields, "prompt": ""}, mode=Mode.IMAGE_TO_IMAGE, image=image)


def requests_of(key: ApiKey, asked: ParsedRequest) -> list[GenerationRequest]:
    """The parts of what is asked, of which each is a job. Raises InvalidRequest or Refusal."""
    fields = asked.fields
    width, height = _size(fields.get("size"))
    number = parsing.count(fields, "n", limit=MOST_PICTURES)
    image, mask = _pictures(key, asked)
    mode = Mode.INPAINT if mask else asked.mode
    first = build_request.build_request(
        key,
        prompt=parsing.text(fields, "prompt"),
        negative_prompt=parsing.text(fields, "negative_prompt"),
        checkpoint=build_request.known_as(
            key, parsing.text(fields, "model"), mode=mode, elsewhere=ELSEWHERE
        ),
        mode=mode.value,
        width=width,
        height=height,
        num_inference_steps=parsing.integer(fields, "num_inference_steps"),
        guidance_scale=parsing.number(fields, "guidance_scale"),
        seed=parsing.integer(fields, "seed"),
        image=image,
        mask=mask,
    )
    return build_request.in_parts(first, number)


def _pictures(key: ApiKey, asked: ParsedRequest) -> tuple[str, str]:
    """The digests of the picture and of its mask."""
    if not asked.image:
        return "", ""
    image = files.receive(key, asked.image)
    if asked.mask:
        return image.digest, files.receive_mask(key, asked.mask, from_alpha=True).digest
    mask = files.mask_in(key, image) if asked.may_be_holed else None
    return image.digest, mask.digest if mask else ""


def _size(text: Any) -> tuple[int | None, int | None]:
    """Width and height; without them, or with `auto`, the checkpoint's or the picture's own."""
    if text is None or text in ("", "auto"):  # what was sent may have no hash
        return None, None
    width, cross, height = str(text)[:20].lower().partition("x")
    if not cross or not (width.isdecimal() and height.isdecimal()):
        raise errors.invalid("size", _("Write a size like 1024x1024."))
    return int(width), int(height)


def looks_of(asked: ParsedRequest) -> ResponseFormat:
    fields = asked.fields
    format = parsing.text(fields, "output_format") or "png"
    if format not in files.FORMATS:
        raise errors.invalid("output_format", _("Choose png, jpeg or webp."))
    response_format = parsing.text(fields, "response_format") or "b64_json"
    if response_format not in {"b64_json", "url"}:
        raise errors.invalid("response_format", _("Choose b64_json or url."))
    partial = parsing.integer(fields, "partial_images") or 0
    if not 0 <= partial <= MOST_PARTIAL:
        raise errors.invalid("partial_images", _("Choose a number from 0 to 3."))
    compression = parsing.integer(fields, "output_compression")
    if compression is not None and not 0 <= compression <= 100:
        raise errors.invalid("output_compression", _("Choose a number from 0 to 100."))
    return ResponseFormat(
        format=format,
        quality=files.DEFAULT_QUALITY if compression is None else compression,
        is_linked=response_format == "url",
        is_streamed=parsing.boolean(fields, "stream"),
        partial_images=partial,
        kind="image_generation" if asked.mode is Mode.TEXT_TO_IMAGE else "image_edit",
    )


def ticket_of(request: HttpRequest, asked: ParsedRequest) -> Idempotency:
    """Their SDK counts its retries, and sends the same body again."""
    retries = request.headers.get("X-Stainless-Retry-Count", "0")
    sent = {
        **asked.fields,
        "image": orders.sha256_of(asked.image),
        "mask": orders.sha256_of(asked.mask),
    }
    return orders.ticket_of(request, sent, is_retry=retries.isdecimal() and int(retries) > 0)
