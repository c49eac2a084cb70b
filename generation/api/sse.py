"""Server-sent events, and the stream of a running job's progress."""

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

# Proxies close silent connections, and writing is how a dropped client is noticed.
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
    # Without this, nginx buffers the stream.
    answer["X-Accel-Buffering"] = "no"
    return answer


def event(name: str, data: Mapping[str, Any], *, id: int | None = None) -> bytes:
    number = f"id: {id}\n" if id is not None else ""
    return f"{number}event: {name}\ndata: {json.dumps(data)}\n\n".encode()


def seq_of(job: Job) -> int:
    """The sequence number of the job's row, above that of every earlier message."""
    return live_messages.seq_of(job)


async def until_row_changes(job: Job, heard: Heard, *, seen: int) -> AsyncIterator[Event]:
    """Steps and previews newer than `seen`, until the job's row has changed or may have."""
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
            # A preview can belong to an earlier step, so its number must not advance `seen`.
            data = {"jpeg": files.base64_of(preview["jpeg"])}
            yield Event(name="preview", data=data, id=seen)
        if "job.status" in messages or not messages:
            return
