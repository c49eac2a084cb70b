"""Waits for jobs by listening to the live messages that browsers get.

Messages are only hints: the job's row is read after each status message and every LOOK_SECONDS.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import redis
from channels.layers import get_channel_layer

from generation.api.threads import in_thread
from generation.live import latest
from generation.live import messages as live_messages
from generation.models import Job

log = logging.getLogger(__name__)

# The longest delay after a lost message.
LOOK_SECONDS = 2.0
# The worker makes previews only while a watcher renews its interest this often.
WATCH_SECONDS = 10.0
# OpenAI's SDK gives up after 600 seconds, other clients sooner.
LONGEST_SECONDS = 600.0


# Takes a progress message.
OnProgress = Callable[[dict[str, Any]], Awaitable[None]]


class Heard:
    """Newest message of each kind about one job since the last `wait`."""

    def __init__(self) -> None:
        self._messages: dict[str, dict[str, Any]] = {}
        self._news = asyncio.Event()
        # Set once the subscription is active, or has failed.
        self.is_ready = asyncio.Event()

    def put(self, kind: str, message: dict[str, Any]) -> None:
        self._messages[kind] = message
        self._news.set()

    async def wait(self, seconds: float) -> dict[str, dict[str, Any]]:
        """New messages by kind (job.status, job.progress, preview); empty after the timeout."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._news.wait()
        messages, self._messages = self._messages, {}
        self._news.clear()
        return messages


@asynccontextmanager
async def listening(job: Job) -> AsyncIterator[Heard]:
    """Subscribe to the job's messages. Without Valkey none arrive, and callers must read the row."""
    heard = Heard()
    pump = asyncio.create_task(_pump(job.user_id, str(job.pk), heard))
    try:
        await heard.is_ready.wait()
        yield heard
    finally:
        pump.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await pump


async def until_ended(
    job: Job, *, seconds: float | None = None, on_progress: OnProgress | None = None
) -> Job:
    """The job once it has ended, or as it is after `seconds` (by default LONGEST_SECONDS).

    `on_progress` hears of its steps; a hint may be missing.
    """
    deadline = time.monotonic() + (LONGEST_SECONDS if seconds is None else seconds)
    async with listening(job) as heard:
        while True:
            job = await read(job.pk)
            left = deadline - time.monotonic()
            if job.is_final or left <= 0:
                return job
            await _until_status(heard, seconds=min(LOOK_SECONDS, left), on_progress=on_progress)


async def until_all_ended(jobs: Sequence[Job]) -> list[Job]:
    """The jobs once all have ended, or as they are after LONGEST_SECONDS."""
    deadline = time.monotonic() + LONGEST_SECONDS
    return [await until_ended(job, seconds=deadline - time.monotonic()) for job in jobs]


async def watching(job: Job) -> None:
    """Ask the worker for previews of the job."""
    await asyncio.to_thread(latest.note_watching, job.user_id)


async def read(job_id: UUID) -> Job:
    return await in_thread(Job.objects.select_related("user").get)(pk=job_id)


async def _until_status(heard: Heard, *, seconds: float, on_progress: OnProgress | None) -> None:
    """Wait for a status message; steps and previews do not change the row."""
    deadline = time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0:
        messages = await heard.wait(left)
        if on_progress and "job.progress" in messages:
            await on_progress(messages["job.progress"])
        if "job.status" in messages:
            return


async def _pump(user_id: int, job: str, heard: Heard) -> None:
    layer, group = get_channel_layer(), live_messages.user_group(user_id)
    try:
        channel = await layer.new_channel()
        await layer.group_add(group, channel)
        heard.is_ready.set()
        try:
            while True:
                _hear(await layer.receive(channel), job, heard)
        finally:
            await layer.group_discard(group, channel)
    except (redis.RedisError, OSError) as error:
        log.warning("nothing is heard of job %s: %s", job, error)
    finally:
        heard.is_ready.set()


def _hear(message: dict[str, Any], job: str, heard: Heard) -> None:
    if message["type"] == "live.preview" and message["job"] == job:
        heard.put("preview", message)
    elif message["type"] == "live.message" and message["message"].get("job") == job:
        heard.put(message["message"]["type"], message["message"])
