"""Jobs and images as the native API and webhooks send them."""

from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _

from generation.api.links import absolute
from generation.images import storage
from generation.live import snapshot
from generation.models import Image, Job


def job(job: Job) -> dict[str, Any]:
    """One job with its progress. Its links to images expire after an hour."""
    state = snapshot.job_state(job)
    pictures = job.images.filter(deleted_at=None).defer("terms").order_by("index")
    return {
        **_row(job),
        "phase": state["phase"],
        "step": state["step"],
        "steps": state["steps"],
        "position": state["position"],
        "pictures": [image(each) for each in pictures],
    }


def listed(job: Job) -> dict[str, Any]:
    """A job in a list, without its progress. Needs `job.images` prefetched."""
    kept = [each for each in job.images.all() if each.deleted_at is None]
    return {
        **_row(job),
        "phase": "",
        "step": job.steps_made,
        "steps": job.generation_request.evaluations,
        "position": None,
        "pictures": [image(each) for each in sorted(kept, key=lambda each: each.index)],
    }


def image(image: Image) -> dict[str, Any]:
    return {
        "id": str(image.pk),
        "job": str(image.job_id),
        "index": image.index,
        "seed": image.seed,
        "width": image.width,
        "height": image.height,
        "created_at": image.created_at.isoformat(),
        "url": absolute(storage.signed_url(image, name="image_file")),
        "thumbnail_url": absolute(storage.signed_url(image, name="image_thumbnail")),
    }


def _row(job: Job) -> dict[str, Any]:
    return {
        "id": str(job.pk),
        "status": job.status,
        "request": job.request,
        "unit": job.unit,
        "price": job.price,
        "charged": job.charged,
        "error": {"code": job.error_code, "message": _(job.error) if job.error else ""}
        if job.error_code
        else None,
        "created_at": job.created_at.isoformat(),
        "started_at": job.started_at.isoformat() if job.started_at else None,
        "finished_at": job.finished_at.isoformat() if job.finished_at else None,
        "url": absolute(reverse("api:job", args=[job.pk])),
        "events_url": absolute(reverse("api:job_events", args=[job.pk])),
        "cancel_url": absolute(reverse("api:job_cancel", args=[job.pk])),
        "receipt_url": absolute(reverse("api:job_receipt", args=[job.pk])),
    }
