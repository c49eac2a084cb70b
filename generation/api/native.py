"""The site's own API, /api/v1: jobs and pictures as they are."""

import re
from collections.abc import AsyncIterator
from datetime import UTC, date, timedelta
from typing import Annotated, Any, Literal, cast
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, re_path
from django.utils import timezone
from django.utils.translation import gettext as _
from ninja import Status
from ninja.files import UploadedFile
from ninja.params import functions as P  # noqa: N812  # ninja's own short name

from accounts.models import ApiKey
from billing import ledger
from billing.models import Unit
from generation import budgets, calling, cursors, jobs, statements, terms
from generation.api import (
    access,
    files,
    following,
    jobs_shown,
    orders,
    refusals,
    sse,
    wishes,
)
from generation.api.native_door import (
    ACCOUNT,
    GENERATE,
    PROBLEMS,
    READ,
    api,
    nothing,
    with_problems,
)
from generation.api.native_shapes import (
    Balance,
    Checkpoints,
    JobPage,
    JobShown,
    JobWish,
    PicturePage,
    Quote,
    Receipt,
    Uploaded,
    Usage,
    Wish,
)
from generation.api.orders import Ticket
from generation.api.threads import in_thread
from generation.api_models import KeyDay
from generation.engine.request import GenerationRequest
from generation.models import Image, Job

MAX_WAIT_SECONDS = 60
MOST_AT_ONCE = 100
USAGE_DAYS = 90
_DIGEST = re.compile(r"[0-9a-f]{64}")
_WAIT = re.compile(r"\bwait=(\d{1,4})\b")
Prefer = Annotated[str, P.Header(description="`wait=30` answers once it has ended, or after 30 s.")]
IdempotencyKey = Annotated[
    str, P.Header(alias="Idempotency-Key", description="The same one again is the same job.")
]
LastEventId = Annotated[str, P.Header(alias="Last-Event-ID", description="Go on after this one.")]
Cursor = Annotated[str, P.Query(max_length=100)]
Limit = Annotated[int, P.Query(ge=1, le=MOST_AT_ONCE)]
Days = Annotated[int, P.Query(ge=1, le=USAGE_DAYS)]
Format = Annotated[Literal["png", "jpeg", "webp"], P.Query()]
Sent = Annotated[UploadedFile, P.File()]


@api.get("/checkpoints", response={200: Checkpoints, **PROBLEMS}, auth=READ, url_name="checkpoints")
def list_checkpoints(request: HttpRequest) -> dict[str, Any]:
    """The checkpoints that this key may use."""
    return {"items": wishes.checkpoints_of(_key(request))}


@api.post("/quote", response={200: Quote, **PROBLEMS}, auth=READ, url_name="quote")
def quote(request: HttpRequest, wish: Wish) -> dict[str, Any]:
    """What a job would cost at most. Nothing is set aside."""
    key = _key(request)
    wanted = _request_of(key, wish)
    unit = Unit(key.pays_in)
    agreed = terms.of(key.user, wanted, unit=unit)
    return {
        "unit": unit.value,
        "price": agreed.credits if unit == Unit.CREDITS else agreed.quote.ceiling_ms,
        "likely_ms": agreed.quote.likely_ms,
        "width": wanted.width,
        "height": wanted.height,
        "request": wanted.to_dict(),
    }


@api.post(
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
    job, is_new = await in_thread(_place)(_key(request), wish, idempotency_key)
    access.entry_of(request).job = job
    if found := _WAIT.search(prefer):
        job = await following.until_ended(job, seconds=min(int(found[1]), MAX_WAIT_SECONDS))
    shown = await in_thread(jobs_shown.job)(job)
    if not is_new:
        return Status(200, shown)
    return Status(201 if job.is_final else 202, shown)


@api.get("/jobs", response={200: JobPage, **PROBLEMS}, auth=READ, url_name="jobs")
def list_jobs(
    request: HttpRequest,
    cursor: Cursor = "",
    limit: Limit = 20,
) -> dict[str, Any]:
    """The key's jobs, the newest first."""
    mine = Job.objects.filter(api_key=_key(request)).prefetch_related("images")
    found, following_page = _page(mine, cursor, limit)
    return {"items": [jobs_shown.listed(job) for job in found], "next": following_page}


@api.get("/jobs/{uuid:job_id}", response={200: JobShown, **PROBLEMS}, auth=READ, url_name="job")
async def get_job(request: HttpRequest, job_id: UUID, prefer: Prefer = "") -> Any:
    """One job; with `Prefer: wait=30`, once it has ended, or after 30 s."""
    job = await in_thread(_job)(request, job_id)
    if found := _WAIT.search(prefer):
        job = await following.until_ended(job, seconds=min(int(found[1]), MAX_WAIT_SECONDS))
    return await in_thread(jobs_shown.job)(job)


@api.post(
    "/jobs/{uuid:job_id}/cancel",
    response={200: JobShown, **PROBLEMS},
    auth=GENERATE,
    url_name="job_cancel",
)
def cancel_job(request: HttpRequest, job_id: UUID) -> dict[str, Any]:
    """Stop a job. One that runs stops at its next step, and costs what was done; one that ended stays."""
    job = _job(request, job_id)
    jobs.cancel(job)
    return jobs_shown.job(_job(request, job_id))


@api.get(
    "/jobs/{uuid:job_id}/receipt",
    response={200: Receipt, **PROBLEMS},
    auth=READ,
    url_name="job_receipt",
)
def get_receipt(request: HttpRequest, job_id: UUID) -> dict[str, Any]:
    """What a job cost, and why; without lines until it has ended."""
    return statements.of(_job(request, job_id)).to_dict()


@api.get(
    "/jobs/{uuid:job_id}/events",
    response=PROBLEMS,
    auth=READ,
    url_name="job_events",
    openapi_extra={
        "responses": {
            200: {
                "description": "`status`, `step` and `preview` events, until the job has ended.",
                "content": {"text/event-stream": {"schema": {"type": "string"}}},
            }
        }
    },
)
async def job_events(
    request: HttpRequest,
    job_id: UUID,
    last_event_id: LastEventId = "",
) -> HttpResponseBase:
    """Server-sent events: `status` with the job, `step`, `preview` with a JPEG. Resumable."""
    job = await in_thread(_job)(request, job_id)
    after = int(last_event_id) if last_event_id.isascii() and last_event_id.isdigit() else -1
    return sse.response(_events(job, after=after))


@api.get("/pictures", response={200: PicturePage, **PROBLEMS}, auth=READ, url_name="pictures")
def list_pictures(
    request: HttpRequest,
    cursor: Cursor = "",
    limit: Limit = 20,
) -> dict[str, Any]:
    """The pictures that the key has made, the newest first."""
    mine = Image.objects.kept().for_user(_key(request).user).filter(job__api_key=_key(request))
    found, following_page = _page(mine.defer("terms"), cursor, limit)
    return {"items": [jobs_shown.picture(image) for image in found], "next": following_page}


@api.get(
    "/pictures/{uuid:picture_id}/file",
    response=PROBLEMS,
    auth=READ,
    url_name="picture",
    openapi_extra={
        "responses": {
            200: {
                "description": "The picture.",
                "content": {kind: {} for kind in files.FORMATS.values()},
            }
        }
    },
)
def get_picture(
    request: HttpRequest,
    picture_id: UUID,
    format: Format = "png",
) -> HttpResponse:
    """A picture's file."""
    mine = Image.objects.kept().filter(job__api_key=_key(request)).select_related("job")
    image = get_object_or_404(mine, pk=picture_id)
    try:
        content = files.content_of(image, format=format)
    except FileNotFoundError as error:
        raise refusals.not_found() from error
    return HttpResponse(content, content_type=files.FORMATS[format])


@api.post("/uploads", response={201: Uploaded, **PROBLEMS}, auth=GENERATE, url_name="uploads")
def upload(request: HttpRequest, file: Sent) -> Any:
    """Bring a picture along (PNG, JPEG or WebP), to name it by its digest in jobs."""
    content = file.read()
    if not content:
        raise refusals.invalid("file", _("This file is empty."))
    return Status(201, files.receive(_key(request), content, param="file"))


@api.get("/balance", response={200: Balance, **PROBLEMS}, auth=ACCOUNT, url_name="balance")
def get_balance(request: HttpRequest) -> dict[str, Any]:
    """What the key's owner has left, and what the key may still spend of it."""
    key = _key(request)
    spent = budgets.spent(key)
    return {
        "credits": ledger.standing(key.user, Unit.CREDITS),
        "gpu_ms": ledger.standing(key.user, Unit.GPU_MS),
        "pays_in": key.pays_in,
        "budget": {
            "limit": key.budget,
            "spent": spent,
            "left": None if key.budget is None else max(0, key.budget - spent),
            "window": key.window,
        },
    }


@api.get("/usage", response={200: Usage, **PROBLEMS}, auth=ACCOUNT, url_name="usage")
def get_usage(request: HttpRequest, days: Days = 30) -> dict[str, Any]:
    """What the key's jobs cost a day, or may still cost; days without a job are left out."""
    key = _key(request)
    since = _today() - timedelta(days=days - 1)
    found = KeyDay.objects.filter(api_key=key, day__gte=since).order_by("day")
    return {
        "unit": key.pays_in,
        "days": [{"day": each.day.isoformat(), "spent": each.spent} for each in found],
    }


def urls() -> list[URLPattern]:
    """The API's addresses, and a problem for every other below them, and for every other method."""
    patterns = cast("list[URLPattern]", api.urls[0])
    for pattern in patterns:
        if pattern.name == "api-root":
            pattern.callback = nothing
        elif pattern.name not in {"openapi-json", "openapi-view"}:
            pattern.callback = with_problems(pattern.callback)
    return [*patterns, re_path("", nothing, name="nothing")]


async def _events(job: Job, *, after: int) -> AsyncIterator[bytes]:
    """The newest of each kind, from the state that the client has not seen yet."""
    seen = after
    async with following.listening(job) as heard:
        while True:
            job = await following.read(job.pk)
            shown = await in_thread(jobs_shown.job)(job)
            seq = await in_thread(sse.seq_of)(job)
            if seq > seen or job.is_final:
                yield sse.event("status", shown, id=max(seq, seen))
                seen = max(seq, seen)
            else:
                yield sse.HEARTBEAT
            if job.is_final:
                return
            async for message in sse.until_it_moved(job, heard, seen=seen):
                seen = max(seen, message.id)
                yield message.encoded()


def _key(request: HttpRequest) -> ApiKey:
    return access.entry_of(request).key


def _today() -> date:
    return timezone.now().astimezone(UTC).date()


def _job(request: HttpRequest, job_id: UUID) -> Job:
    mine = Job.objects.filter(api_key=_key(request)).select_related("user")
    job = get_object_or_404(mine, pk=job_id)
    access.entry_of(request).job = job
    return job


def _place(key: ApiKey, wish: JobWish, token: str) -> tuple[Job, bool]:
    ticket = Ticket(token=token, digest=orders.digest_of(wish.dict(exclude_unset=True)))
    # A replay must not depend on what has changed since: the budget, the checkpoint, the picture.
    if known := orders.find(key, ticket):
        return known[0], False
    if wish.webhook_url:
        calling.require_fit(wish.webhook_url)
    wanted = _request_of(key, wish)
    return orders.place(key, wanted, ticket, webhook_url=wish.webhook_url)


def _request_of(key: ApiKey, wish: Wish) -> GenerationRequest:
    values = wish.dict(exclude={"webhook_url"})
    # First: where nothing can work on them, pictures are not kept.
    values["checkpoint"] = wishes.checkpoint_of(key, wish.checkpoint, mode=wish.mode).id
    values |= {name: _digest_of(key, values[name], param=name) for name in ("image", "depth")}
    values["mask"] = _digest_of(key, values["mask"], param="mask")
    return wishes.request_of(key, **values)


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


def _page(rows: Any, cursor: str, limit: int) -> tuple[list[Any], str | None]:
    if cursor:
        try:
            rows = rows.filter(cursors.after(cursor, field="created_at"))
        except cursors.InvalidCursor as error:
            raise refusals.invalid("cursor", _("This cursor is not one of ours.")) from error
    found = list(rows.order_by("-created_at", "-id")[: limit + 1])
    if len(found) <= limit:
        return found, None
    last = found[limit - 1]
    return found[:limit], cursors.write(last.created_at, last.pk)
