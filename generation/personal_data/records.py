"""Rows as they appear in a data export. Addresses of shared links and other secrets are left out."""

from collections.abc import Iterable
from pathlib import PurePosixPath
from typing import Any

from generation.models import Image, Job, StudioPreset, Upload
from generation.models.api import Call, Delivery
from generation.models.boards import Board, Share
from generation.models.refusals import Refusal


def picture_name(image: Image) -> str:
    """The picture's file in the zip."""
    folder = "pictures" if image.deleted_at is None else "trash"
    return f"{folder}/{image.created_at:%Y-%m}/{image.pk}{PurePosixPath(image.file).suffix}"


def upload_name(upload: Upload) -> str:
    return f"uploads/{upload.digest}{PurePosixPath(upload.file).suffix}"


def job(job: Job) -> dict[str, Any]:
    order = getattr(job, "order", None)
    return {
        "id": job.pk,
        "status": job.status,
        "request": job.request,
        "created_at": job.created_at,
        "started_at": job.started_at,
        "finished_at": job.finished_at,
        "quote_ms": job.quote_ms,
        "charged_ms": job.charged_ms,
        "charged_credits": job.charged_credits,
        "receipt": job.receipt,
        "error": job.error,
        "key": job.api_key.prefix if job.api_key else None,
        "webhook": order.webhook_url if order else "",
        "pictures": [picture(image) for image in job.images.all() if image.deleted_at is None],
    }


def picture(image: Image) -> dict[str, Any]:
    return {
        "file": picture_name(image),
        "seed": image.seed,
        "width": image.width,
        "height": image.height,
        "favorite": image.favourite,
        "created_at": image.created_at,
    }


def deleted_picture(image: Image) -> dict[str, Any]:
    return {
        **picture(image),
        "job": image.job_id,
        "deleted_at": image.deleted_at,
        "removed_at": image.removed_at,
    }


def upload(upload: Upload) -> dict[str, Any]:
    return {
        "file": upload_name(upload),
        "width": upload.width,
        "height": upload.height,
        "created_at": upload.created_at,
        "used_at": upload.used_at,
    }


def board(board: Board, images: Iterable[Image]) -> dict[str, Any]:
    return {
        "name": board.name,
        "created_at": board.created_at,
        "pictures": [picture_name(image) for image in images],
    }


def preset(preset: StudioPreset) -> dict[str, Any]:
    return {"name": preset.name, "values": preset.values, "created_at": preset.created_at}


def share(share: Share) -> dict[str, Any]:
    return {
        "picture": picture_name(share.image),
        "shows_prompt": share.shows_prompt,
        "created_at": share.created_at,
        "revoked_at": share.revoked_at,
    }


def refusal(refusal: Refusal) -> dict[str, Any]:
    return {
        "at": refusal.created_at,
        "stage": refusal.stage,
        "category": refusal.category,
        "prompt": refusal.prompt,
        "job": refusal.job_id,
    }


def call(call: Call) -> dict[str, Any]:
    return {
        "at": call.created_at,
        "key": call.api_key.prefix,
        "method": call.method,
        "path": call.path,
        "status": call.status,
        "code": call.code,
        "ms": call.ms,
        "job": call.job_id,
    }


def delivery(delivery: Delivery) -> dict[str, Any]:
    return {
        "at": delivery.created_at,
        "key": delivery.api_key.prefix,
        "address": delivery.url,
        "event": delivery.event,
        "job": delivery.job_id,
        "status": delivery.status,
        "attempts": delivery.attempts,
        "answer": delivery.answer,
        "error": delivery.error,
    }
