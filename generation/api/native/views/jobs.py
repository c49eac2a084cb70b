"""Checkpoints, quotes and jobs."""

from typing import Annotated, Any
from uuid import UUID

from django.http import HttpRequest
from ninja import Router, Status
from ninja.params import functions as P  # noqa: N812  # ninja's own short name

from accounts.models import ApiKey
from generation import jobs
from generation.api import auth as api_auth
from generation.api import build_request, orders, outbound_http, wait
from generation.api.idempotency import Idempotency, digest_of, find_jobs
from generation.api.native import parsing, serializers
from generation.api.native.auth import GENERATE, READ, job_of, key_of
from generation.api.native.errors import PROBLEMS
from generation.api.native.pagination import Cursor, Limit, page_of
from generation.api.native.schemas import (
    Checkpoints,
    JobPage,
    JobShown,
    JobWish,
    Quote,
    Receipt,
    Wish,
)
from generation.api.threads import in_thread
from generation.jobs import receipt_view
from generation.models import Job

Prefer = Annotated[
    str, P.Header(description="`wait=30`: respond once the job has ended, or after 30 seconds.")
]
IdempotencyKey = Annotated[
    str, P.Header(alias="Idempotency-Key", description="A repeated key returns the same job.")
]

router = Router(tags=["jobs"])


@router.get(
    "/checkpoints",
    response={200: Checkpoints, **PROBLEMS},
    auth=READ,
    url_name="checkpoints",
    tags=["checkpoints"],
)
def list_checkpoints(request: HttpRequest) -> dict[str, Any]:
    """The checkpoints that this key may use."""
    return {"items": build_request.checkpoints_of(key_of(request))}


@router.post("/quote", response={200: Quote, **PROBLEMS}, auth=READ, url_name="quote")
def quote_job(request: HttpRequest, wish: Wish) -> dict[str, Any]:
    """The most that a job would cost. Nothing is put on hold."""
    key = key_of(request)
    return serializers.quote(key, parsing.generation_request(key, wish))


@router.post(
    "/jobs",
    response={200: JobShown, 201: JobShown, 202: JobShown, **PROBLEMS},
    auth=GENERATE,
    url_name="jobs",
)
async def create_job(
    request: HttpRequest,
    wish: JobWish,
    prefer: Prefer = "",
    idempotency_key: IdempotencyKey = "",
) -> Any:
    """Submit a job. 202 while it is in progress, 201 once it has ended, 200 for a repeated request."""
    job, is_new = await in_thread(_place)(key_of(request), wish, idempotency_key)
    api_auth.call_of(request).job = job
    if (seconds := parsing.wait_seconds(prefer)) is not None:
        job = await wait.until_ended(job, seconds=seconds)
    shown = await in_thread(serializers.job)(job)
    if not is_new:
        return Status(200, shown)
    return Status(201 if job.is_final else 202, shown)


@router.get("/jobs", response={200: JobPage, **PROBLEMS}, auth=READ, url_name="jobs")
def list_jobs(
    request: HttpRequest,
    cursor: Cursor = "",
    limit: Limit = 20,
) -> dict[str, Any]:
    """The key's jobs, newest first."""
    mine = Job.objects.filter(api_key=key_of(request)).prefetch_related("images")
    found, next_cursor = page_of(mine, cursor, limit)
    return {"items": [serializers.listed(job) for job in found], "next": next_cursor}


@router.get("/jobs/{uuid:job_id}", response={200: JobShown, **PROBLEMS}, auth=READ, url_name="job")
async def get_job(request: HttpRequest, job_id: UUID, prefer: Prefer = "") -> Any:
    """One job. With `Prefer: wait=30`, responds once it has ended, or after 30 seconds."""
    job = await in_thread(job_of)(request, job_id)
    if (seconds := parsing.wait_seconds(prefer)) is not None:
        job = await wait.until_ended(job, seconds=seconds)
    return await in_thread(serializers.job)(job)


@router.post(
    "/jobs/{uuid:job_id}/cancel",
    response={200: JobShown, **PROBLEMS},
    auth=GENERATE,
    url_name="job_cancel",
)
def cancel_job(request: HttpRequest, job_id: UUID) -> dict[str, Any]:
    """Cancel a job. A running job stops after its current step and is charged for the steps it made.

    A job that has ended does not change.
    """
    job = job_of(request, job_id)
    jobs.cancel(job)
    return serializers.job(job_of(request, job_id))


@router.get(
    "/jobs/{uuid:job_id}/receipt",
    response={200: Receipt, **PROBLEMS},
    auth=READ,
    url_name="job_receipt",
)
def get_receipt(request: HttpRequest, job_id: UUID) -> dict[str, Any]:
    """The cost of a job, itemized once it has ended."""
    return receipt_view.build(job_of(request, job_id)).to_dict()


def _place(key: ApiKey, wish: JobWish, token: str) -> tuple[Job, bool]:
    idempotency = Idempotency(token=token, digest=digest_of(wish.dict(exclude_unset=True)))
    # A repeated request must succeed even if its budget, checkpoint or image has changed since.
    if known := find_jobs(key, idempotency):
        return known[0], False
    if wish.webhook_url:
        outbound_http.require_fit(wish.webhook_url)
    generation_request = parsing.generation_request(key, wish)
    return orders.place(key, generation_request, idempotency, webhook_url=wish.webhook_url)
