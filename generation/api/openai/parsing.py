"""Reads OpenAI's requests: images to generate, response format and idempotency.

Fields without an effect here are ignored: quality, moderation, user and others that docs/api.md names.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.utils.translation import gettext as _

from accounts.models import ApiKey
from generation.api import build_request, errors, files, parsing
from generation.api.idempotency import Idempotency, identify, sha256_of
from generation.engine.enums import Mode
from generation.engine.request import GenerationRequest
from generation.images import file_formats

MAX_N = 10
MAX_PARTIAL = 3
# Prefixes of OpenAI's own model names, which some clients always send.
FOREIGN = ("dall-e-", "gpt-image-", "chatgpt-image-")
# Models whose clients read a link unless they ask for something else.
LINKED = "dall-e-"
# Clients of dall-e-3 send it without being asked.
DEFAULT_STYLE = "vivid"
CONTENT, LINK = "b64_json", "url"


@dataclass(frozen=True, kw_only=True)
class ParsedRequest:
    """The fields of a request, and its image files."""

    fields: Mapping[str, Any]
    mode: Mode
    image: bytes = b""
    mask: bytes = b""
    # Transparent areas of the image then serve as its mask.
    uses_alpha: bool = False


@dataclass(frozen=True, kw_only=True)
class ResponseFormat:
    """The response that a client asks for; `kind` is the prefix of its stream events."""

    format: str
    quality: int
    has_content: bool
    is_linked: bool
    is_streamed: bool
    partial_images: int
    kind: str


def generation(request: HttpRequest) -> ParsedRequest:
    return ParsedRequest(fields=parsing.json_object(request), mode=Mode.TEXT_TO_IMAGE)


def edit(request: HttpRequest) -> ParsedRequest:
    """An edit repaints the mask, else the image's transparent areas, else the whole image."""
    fields, image, mask = _sent(request)
    return ParsedRequest(
        fields=fields,
        mode=Mode.INPAINT if mask else Mode.IMAGE_TO_IMAGE,
        image=image,
        mask=mask,
        uses_alpha=True,
    )


def variation(request: HttpRequest) -> ParsedRequest:
    fields, image, _mask = _sent(request)
    return ParsedRequest(fields={**fields, "prompt": ""}, mode=Mode.IMAGE_TO_IMAGE, image=image)


def _sent(request: HttpRequest) -> tuple[dict[str, Any], bytes, bytes]:
    """The other fields, the image, and the mask if there is one, of a form or of JSON with data URLs."""
    if request.content_type != "application/json":
        fields, sent = parsing.form(request)
        image = parsing.file_of(sent, "image", "image[]")
        return fields, image, parsing.file_of(sent, "mask", "mask[]", is_required=False)
    body = parsing.json_object(request)
    given, mask = [body.pop(name, None) for name in ("images", "image")], body.pop("mask", None)
    images = [each for one in given for each in (one if isinstance(one, list) else [one]) if each]
    if not images:
        raise errors.invalid("image", _("Add a picture for this."))
    parsing.require_one(images, "image")
    return body, _decoded(images[0], "image"), _decoded(mask, "mask") if mask else b""


def _decoded(given: Any, param: str) -> bytes:
    """A picture of a JSON body: a data URL, alone or as `image_url`. Raises ApiError."""
    url = given.get("image_url") if isinstance(given, dict) else given
    url = url.get("url") if isinstance(url, dict) else url
    if not isinstance(url, str) or not url.startswith("data:"):
        message = _(
            "Send the picture itself, as a data: URL or in a form: no other address is fetched."
        )
        raise errors.invalid(param, message)
    return files.decoded(url, param=param)


def requests_of(key: ApiKey, parsed: ParsedRequest) -> list[GenerationRequest]:
    """One request for each job. Stores the images. Raises InvalidRequest or ApiError."""
    fields = parsed.fields
    if parsing.text(fields, "style") not in {"", DEFAULT_STYLE}:
        parsing.require_missing(fields, "style")
    width, height = _size(fields.get("size"))
    number = parsing.count(fields, "n", limit=MAX_N)
    image, mask = _images(key, parsed)
    mode = Mode.INPAINT if mask else parsed.mode
    first = build_request.build_request(
        key,
        prompt=parsing.text(fields, "prompt"),
        negative_prompt=parsing.text(fields, "negative_prompt"),
        checkpoint=build_request.known_as(
            key,
            parsing.text(fields, "model"),
            mode=mode,
            foreign=FOREIGN,
            size=(width, height),
        ),
        mode=mode.value,
        width=width,
        height=height,
        num_inference_steps=parsing.integer(fields, "num_inference_steps"),
        guidance_scale=parsing.number(fields, "guidance_scale"),
        seed=parsing.seed(fields),
        image=image,
        mask=mask,
    )
    return build_request.in_parts(first, number)


def _images(key: ApiKey, parsed: ParsedRequest) -> tuple[str, str]:
    """The digests of the image and its mask; empty for a missing one."""
    if not parsed.image:
        return "", ""
    image = files.receive(key, parsed.image)
    if parsed.mask:
        return image.digest, files.receive_mask(key, parsed.mask, from_alpha=True).digest
    mask = files.mask_in(key, image) if parsed.uses_alpha else None
    return image.digest, mask.digest if mask else ""


def _size(text: Any) -> tuple[int | None, int | None]:
    """Width and height; None if missing or `auto`, which means the default size."""
    if text is None or text in ("", "auto"):  # no set: a list has no hash
        return None, None
    width, cross, height = str(text)[:20].lower().partition("x")
    if not cross or not (width.isdecimal() and height.isdecimal()):
        raise errors.invalid("size", _("Write a size like 1024x1024."))
    return int(width), int(height)


def response_format_of(parsed: ParsedRequest) -> ResponseFormat:
    """Raises ApiError for a field that is out of range."""
    fields = parsed.fields
    format = parsing.text(fields, "output_format") or "png"
    if format not in file_formats.FORMATS:
        raise errors.invalid("output_format", _("Choose png, jpeg or webp."))
    kinds = _response_kinds(fields)
    if parsing.text(fields, "background") not in {"", "auto", "opaque"}:
        message = _("Backgrounds are never transparent here. Choose opaque or auto.")
        raise errors.invalid("background", message)
    partial = parsing.integer(fields, "partial_images") or 0
    if not 0 <= partial <= MAX_PARTIAL:
        raise errors.invalid("partial_images", _("Choose a number from 0 to 3."))
    compression = parsing.integer(fields, "output_compression")
    if compression is not None and not 0 <= compression <= 100:
        raise errors.invalid("output_compression", _("Choose a number from 0 to 100."))
    return ResponseFormat(
        format=format,
        quality=file_formats.DEFAULT_QUALITY if compression is None else compression,
        has_content=CONTENT in kinds,
        is_linked=LINK in kinds,
        is_streamed=parsing.boolean(fields, "stream"),
        partial_images=partial,
        kind="image_generation" if parsed.mode is Mode.TEXT_TO_IMAGE else "image_edit",
    )


def _response_kinds(fields: Mapping[str, Any]) -> set[str]:
    """The fields that each image of the response has. Raises ApiError.

    Clients of the first models read a link, those of later ones the content. Neither asks for it, and the oldest
    do not even name a model, so who names nothing gets both.
    """
    if asked := parsing.text(fields, "response_format"):
        if asked not in {CONTENT, LINK}:
            raise errors.invalid("response_format", _("Choose b64_json or url."))
        return {asked}
    model = parsing.text(fields, "model")
    if not model:
        return {CONTENT, LINK}
    return {LINK if model.startswith(LINKED) else CONTENT}


def idempotency_of(request: HttpRequest, parsed: ParsedRequest) -> Idempotency:
    """OpenAI's SDK sends no Idempotency-Key, but counts its retries. Raises ApiError."""
    retries = request.headers.get("X-Stainless-Retry-Count", "0")
    sent = {
        **parsed.fields,
        "image": sha256_of(parsed.image),
        "mask": sha256_of(parsed.mask),
    }
    return identify(request, sent, is_retry=retries.isdecimal() and retries.strip("0") != "")
