"""Results of MCP's tools: text for the model, pictures to look at, links to the files, and data."""

import json
from typing import Any

from mcp_types import CallToolResult, ContentBlock, ImageContent, ResourceLink, TextContent

from accounts.models import ApiKey
from generation import emails
from generation.api import files, results
from generation.api.errors import ApiError
from generation.api.mcp.errors import data_of, message_of
from generation.api.native import serializers
from generation.images import file_formats
from generation.models import FINAL, Image, Job, Status

# Of all pictures in a result, before base64 makes them a third larger: clients refuse results over a megabyte.
MAX_PICTURE_BYTES = 600_000


def data(content: dict[str, Any]) -> CallToolResult:
    """A result without pictures."""
    return CallToolResult(
        content=[_text(json.dumps(content, ensure_ascii=False))], structured_content=content
    )


def error(error: ApiError) -> CallToolResult:
    """A tool error, which the model reads."""
    details = {name: value for name, value in data_of(error).items() if value}
    return CallToolResult(
        content=[_text(f"{message_of(error)} ({error.code})")],
        structured_content={"error": {**details, "message": error.message}},
        is_error=True,
    )


def quote(key: ApiKey, quoted: dict[str, Any]) -> CallToolResult:
    price = emails.amount(quoted["price"], key=key)
    text = (
        f"It costs at most {price}, for {quoted['width']} × {quoted['height']} pixels and about "
        f"{quoted['likely_ms']} ms of GPU time. Nothing was spent."
    )
    return CallToolResult(content=[_text(text)], structured_content=quoted)


def job(key: ApiKey, job: Job, *, must_succeed: bool) -> CallToolResult:
    """The job with its quote and, once it has ended, its receipt and pictures.

    With `must_succeed`, a job that failed or was canceled is a tool error.
    """
    shown = state(job)
    images = list(job.images.filter(deleted_at=None).defer("terms").order_by("index"))
    text = [_headline(job, shown), *_costs(key, job, shown), *map(_line, images)]
    failed = job.is_final and job.status != Status.SUCCEEDED
    if failed and must_succeed:
        found = results.error_for(job)
        text.append(f"{message_of(found)} ({found.code})")
        shown["error"] = {"code": found.code, "message": found.message}
    return CallToolResult(
        content=[_text("\n".join(text)), *_pictures(images)],
        structured_content=shown,
        is_error=failed and must_succeed,
    )


def state(job: Job) -> dict[str, Any]:
    """The job as data: the native API's names, with the quote and the receipt as objects."""
    shown = serializers.job(job)
    kept = ("id", "status", "phase", "step", "steps", "position", "error", "pictures")
    receipt = job.parsed_receipt
    return {
        **{name: shown[name] for name in kept},
        "quote": {"unit": job.unit, "price": job.price, "likely_ms": job.quote_ms},
        "receipt": {
            "unit": job.unit,
            "charged": job.charged,
            "lines": [
                {"phase": group.phase, "ms": group.ms, "billed": group.billed}
                for group in (receipt.groups if receipt else [])
            ],
            "url": shown["receipt_url"],
        }
        if job.status in FINAL
        else None,
    }


def _headline(job: Job, shown: dict[str, Any]) -> str:
    if job.is_final:
        return f"Job {job.pk}: {job.status}."
    place = f", position {shown['position']} in the queue" if shown["position"] else ""
    steps = f", step {shown['step']} of {shown['steps']}" if shown["step"] else ""
    return f"Job {job.pk}: {job.status}{place}{steps}. Call status with this job to go on."


def _costs(key: ApiKey, job: Job, shown: dict[str, Any]) -> list[str]:
    quote = f"Quote: at most {emails.amount(job.price, key=key)}."
    if shown["receipt"] is None:
        return [quote]
    charged = emails.amount(job.charged or 0, key=key)
    return [f"{quote} Charged: {charged}. Receipt: {shown['receipt']['url']}"]


def _line(image: Image) -> str:
    return (
        f"Picture {image.index + 1}: id {image.pk}, {image.width} × {image.height}, "
        f"seed {image.seed}."
    )


def _pictures(images: list[Image]) -> list[ContentBlock]:
    """Each picture, small enough to be looked at, and the link to its file, which needs no key."""
    found: list[ContentBlock] = []
    for image in images:
        try:
            content, kind = file_formats.bounded(image, max_bytes=MAX_PICTURE_BYTES // len(images))
        except FileNotFoundError:
            continue
        found.append(ImageContent(data=files.base64_of(content), mime_type=kind))
        found.append(
            ResourceLink(
                name=f"{image.pk}.png",
                uri=serializers.image(image)["url"],
                mime_type=file_formats.FORMATS["png"],
                description="The whole picture; the link works for an hour.",
            )
        )
    return found


def _text(text: str) -> TextContent:
    return TextContent(text=text)
