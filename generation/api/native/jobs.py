"""Asking the native API for pictures, and for the jobs that make them."""

import re
from typing import Annotated, Any
from uuid import UUID

from django.http import HttpRequest
from ninja import Router, Status
from ninja.params import functions as P  # noqa: N812  # ninja's own short name

from accounts.models import ApiKey
from billing.models import Unit
from generation import jobs
from generation.api import auth as api_auth
from generation.api import build_request, files, orders, outbound_http, serializers, wait
from generation.api.native.auth import GENERATE, PROBLEMS, READ, job_of, key_of
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
from generation.api.orders import Idempotency
from generation.api.threads import in_thread
from generation.engine.request import GenerationRequest
from generation.jobs import admission, receipt_view
from generation.models import Job

MAX_WAIT_SECONDS = 60
_DIGEST = re.compile(r"[0-9a-f]{64}")
_WAIT = re.compile(r"\bwait=(\d{1,4})\b")
Prefer = Annotated[str, P.Header(description="`wait=30` answers once it has ended, or after 30 s.")]
IdempotencyKey = Annotated[
    str, P.Header(alias="Idempotency-Key", description="The same one again is the same job.")
]

router = Router()


@router.get(
    "/checkpoints", response={200: Checkpoints, **PROBLEMS}, auth=READ, url_name="checkpoints"
)
def list_checkpoints(request: HttpRequest) -> dict[str, Any]:
    """The checkpoints that this key may use."""
    return {"items": build_request.checkpoints_of(key_of(request))}


@router.post("/quote", response={200: Quote, **PROBLEMS}, auth=READ, url_name="quote")
def quote(request: HttpRequest, wish: Wish) -> dict[str, Any]:
    """What a job would cost at most. Nothing is set aside."""
    key = key_of(request)
    wanted = _request_of(key, wish)
    unit = Unit(key.pays_in)
    agreed = admission.check(key.user, wanted, unit=unit)
    return {
        "unit": unit.value,
        "price": agreed.price,
        "likely_ms": agreed.quote.likely_ms,
        "width": wanted.width,
        "height": wanted.height,
        "request": wanted.to_dict(),
    }


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
    """Ask for pictures. 202 while they are being made, 201 once they are there, 200 for a replay."""
    job, is_new = await in_thread(_place)(key_of(request), wish, idempotency_key)
    api_auth.entry_of(request).job = job
    if found := _WAIT.search(prefer):
        job = await wait.until_ended(job, seconds=min(int(found[1]), MAX_WAIT_SECONDS))
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
    """The key's jobs, the newest first."""
    mine = Job.objects.filter(api_key=key_of(request)).prefetch_related("images")
    found, next_cursor = page_of(mine, cursor, limit)
    return {"items": [serializers.listed(job) for job in found], "next": next_cursor}


@router.get("/jobs/{uuid:job_id}", response={200: JobShown, **PROBLEMS}, auth=READ, url_name="job")
async def get_job(request: HttpRequest, job_id: UUID, prefer: Prefer = "") -> Any:
    """One job; with `Prefer: wait=30`, once it has ended, or after 30 s."""
    job = await in_thread(job_of)(request, job_id)
    if found := _WAIT.search(prefer):
        job = await wait.until_ended(job, seconds=min(int(found[1]), MAX_WAIT_SECONDS))
    return await in_thread(serializers.job)(job)


@router.post(
    "/jobs/{uuid:job_id}/cancel",
    response={200: JobShown, **PROBLEMS},
    auth=GENERATE,
    url_name="job_cancel",
)
def cancel_job(request: HttpRequest, job_id: UUID) -> dict[str, Any]:
    """Stop a job. One that runs stops at its next step, and costs what was done; one that ended stays."""
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
    """What a job cost, and why; without lines until it has ended."""
    return receipt_view.build(job_of(request, job_id)).to_dict()


def _place(key: ApiKey, wish: JobWish, token: str) -> tuple[Job, bool]:
    ticket = Idempotency(token=token, digest=orders.digest_of(wish.dict(exclude_unset=True)))
    # A replay must not depend on what has changed since: the budget, the checkpoint, the picture.
    if known := orders.find(key, ticket):
        return known[0], False
    if wish.webhook_url:
        outbound_http.require_fit(wish.webhook_url)
    wanted = _request_of(key, wish)
    return orders.place(key, wanted, ticket, webhook_url=wish.webhook_url)


def _request_of(key: ApiKey, wish: Wish) -> GenerationRequest:
    values = wish.dict(exclude={"webhook_url"})
    # First: where nothing can work on them, pictures are not kept.
    values["checkpoint"] = build_request.checkpoint_of(key, wish.checkpoint, mode=wish.mode).id
    values |= {name: _digest_of(key, values[name], param=name) for name in ("image", "depth")}
    values["mask"] = _digest_of(key, values["mask"], param="mask")
    return build_request.build_request(key, **values)


def _digest_of(key: ApiKey, named: str, *, param: str) -> str:
    """The digest of a picture that a wish names in one of three ways."""
    if not named or _DIGEST.fullmatch(named):
        return named
    try:
        id = UUID(named) if len(named) == 36 else None
    except ValueError:
        id = None
    if id is not None:
        return files.own_picture(key, id).digest
    return files.receive(key, files.decoded(named, param=param), param=param).digest
