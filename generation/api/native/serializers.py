"""Quotes, jobs, images and balances as the native API, MCP and webhooks send them."""

from dataclasses import asdict
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.models import ApiKey
from billing import ledger
from billing.models import Unit
from generation.api.links import absolute
from generation.engine.request import GenerationRequest
from generation.images import storage
from generation.jobs import admission, budgets
from generation.live import snapshot
from generation.models import Image, Job


def quote(key: ApiKey, request: GenerationRequest) -> dict[str, Any]:
    """The terms of a request; holds nothing. Raises as `admission.check`."""
    unit = Unit(key.pays_in)
    agreed = admission.check(key.user, request, unit=unit)
    return {
        "unit": unit.value,
        "price": agreed.price,
        "likely_ms": agreed.quote.likely_ms,
        "width": request.width,
        "height": request.height,
        "request": request.to_dict(),
    }


def balance(key: ApiKey) -> dict[str, Any]:
    """The balance of the key's owner, and the rest of the key's budget."""
    spent = budgets.spent(key)
    return {
        "credits": asdict(ledger.available_and_held(key.user, Unit.CREDITS)),
        "gpu_ms": asdict(ledger.available_and_held(key.user, Unit.GPU_MS)),
        "pays_in": key.pays_in,
        "budget": {
            "limit": key.budget,
            "spent": spent,
            "left": None if key.budget is None else max(0, key.budget - spent),
            "window": key.window,
        },
    }


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
