"""Server-sent events, and those of a job that runs."""

import json
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.http import StreamingHttpResponse

from generation.api import files
from generation.api import wait as api_wait
from generation.api.wait import Heard
from generation.live import messages as live_messages
from generation.models import Job

# A proxy closes what is silent; and a client that is gone is noticed by this at the latest.
HEARTBEAT = b": still here\n\n"


@dataclass(frozen=True, kw_only=True)
class Event:
    name: str
    data: Mapping[str, Any]
    id: int

    def encoded(self) -> bytes:
        return event(self.name, self.data, id=self.id)


def response(stream: AsyncIterator[bytes]) -> StreamingHttpResponse:
    answer = StreamingHttpResponse(stream, content_type="text/event-stream")
    # nginx would hold it back otherwise.
    answer["X-Accel-Buffering"] = "no"
    return answer


def event(name: str, data: Mapping[str, Any], *, id: int | None = None) -> bytes:
    number = f"id: {id}\n" if id is not None else ""
    return f"{number}event: {name}\ndata: {json.dumps(data)}\n\n".encode()


def seq_of(job: Job) -> int:
    """The number of the job's row: above all that was said before it."""
    return live_messages.seq_of(job)


async def until_it_moved(job: Job, heard: Heard, *, seen: int) -> AsyncIterator[Event]:
    """Steps and previews that are newer than `seen`, until the row moves, or may have."""
    await api_wait.watching(job)
    until = time.monotonic() + api_wait.WATCH_SECONDS
    while time.monotonic() < until:
        messages = await heard.wait(api_wait.LOOK_SECONDS)
        progress = messages.get("job.progress")
        if progress and progress["seq"] > seen:
            seen = progress["seq"]
            data = {name: progress[name] for name in ("phase", "step", "steps")}
            yield Event(name="step", data=data, id=seen)
        if preview := messages.get("preview"):
            # It has the number of its step, or of an earlier one: it never moves the count.
            data = {"jpeg": files.base64_of(preview["jpeg"])}
            yield Event(name="preview", data=data, id=seen)
        if "job.status" in messages or not messages:
            return
