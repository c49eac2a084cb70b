"""Server-sent events of a job."""

import re
from collections.abc import AsyncIterator
from typing import Annotated
from uuid import UUID

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from ninja import Router
from ninja.params import functions as P  # noqa: N812  # ninja's own short name

from generation.api import sse, wait
from generation.api.native import serializers
from generation.api.native.auth import READ, job_of
from generation.api.native.errors import PROBLEMS
from generation.api.threads import in_thread
from generation.models import Job

LastEventId = Annotated[
    str, P.Header(alias="Last-Event-ID", description="Resume after this event.")
]

router = Router(tags=["jobs"])


@router.get(
    "/jobs/{uuid:job_id}/events",
    response=PROBLEMS,
    auth=READ,
    url_name="job_events",
    openapi_extra={
        "responses": {
            200: {
                "description": "`status`, `step` and `preview` events until the job has ended.",
                "content": {"text/event-stream": {"schema": {"type": "string"}}},
            }
        }
    },
)
async def stream_job_events(
    request: HttpRequest,
    job_id: UUID,
    last_event_id: LastEventId = "",
) -> HttpResponseBase:
    """Server-sent events: `status` with the job, `step`, and `preview` with a JPEG. Resumable."""
    job = await in_thread(job_of)(request, job_id)
    # No sequence number has as many digits as `int` refuses to read.
    after = int(last_event_id) if re.fullmatch("[0-9]{1,18}", last_event_id) else -1
    return sse.response(_events(job, after=after))


async def _events(job: Job, *, after: int) -> AsyncIterator[bytes]:
    """The newest event of each kind, starting with the first status that the client has not seen."""
    seen = after
    async with wait.listening(job) as heard:
        while True:
            job = await wait.read(job.pk)
            shown = await in_thread(serializers.job)(job)
            seq = await in_thread(sse.seq_of)(job)
            if seq > seen or job.is_final:
                yield sse.event("status", shown, id=max(seq, seen))
                seen = max(seq, seen)
            else:
                yield sse.HEARTBEAT
            if job.is_final:
                return
            async for message in sse.until_row_changes(job, heard, seen=seen):
                seen = max(seen, message.id)
                yield message.encoded()
