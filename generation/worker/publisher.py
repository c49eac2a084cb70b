"""The worker's thread for messages: sends progress, previews and saved runs, and receives cancellations.

The engine's loop never waits for Valkey or a JPEG encoder. It leaves its messages here; the newest wins.
"""

import asyncio
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from typing import Any
from uuid import UUID

import redis
from channels.layers import get_channel_layer
from PIL.Image import Image

from generation.engine.saved_run import SavedRun
from generation.jobs import saved_runs
from generation.live import latest, messages
from generation.live.messages import Progress
from generation.worker.attempt import Attempt
from generation.worker.watchdog import Pulse

log = logging.getLogger(__name__)

JPEG_QUALITY = 70
# The pause after an error of Valkey.
RETRY_SECONDS = 0.5
# An idle publisher shows this often that its loop still runs.
IDLE_SECONDS = 1.0


@dataclass(frozen=True, kw_only=True)
class Preview:
    """An unfinished picture; `seq` is that of the attempt's progress."""

    job: UUID
    seq: int
    image: Image


class Publisher:
    """Any thread may call `progress` and `preview`. `on_cancel` gets the ids of jobs to stop."""

    def __init__(self, *, on_cancel: Callable[[str], None]) -> None:
        self.pulse = Pulse()
        self._on_cancel = on_cancel
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="publisher", daemon=True)
        self._filled = asyncio.Event()
        self._lock = threading.Lock()
        self._progress: dict[str, tuple[int, Progress]] = {}
        self._previews: dict[UUID, tuple[int, Preview]] = {}
        self._saved: dict[str, tuple[Attempt, SavedRun]] = {}

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """Stop the thread; unsent messages are dropped."""
        self._loop.call_soon_threadsafe(self._stop)
        self._thread.join()

    def progress(self, user_id: int, progress: Progress) -> None:
        """Send a progress message to the user's browsers."""
        with self._lock:
            self._progress[progress.job] = (user_id, progress)
        self._loop.call_soon_threadsafe(self._filled.set)

    def preview(self, user_id: int, preview: Preview) -> None:
        """Send a preview to the user's browsers."""
        with self._lock:
            self._previews[preview.job] = (user_id, preview)
        self._loop.call_soon_threadsafe(self._filled.set)

    def save(self, attempt: Attempt, saved: SavedRun) -> None:
        """Keep the state of the attempt, for the worker that claims its job next."""
        with self._lock:
            self._saved[attempt.key] = (attempt, saved)
        self._loop.call_soon_threadsafe(self._filled.set)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._tasks = [self._loop.create_task(task) for task in (self._send(), self._listen())]
        self._loop.run_until_complete(asyncio.gather(*self._tasks, return_exceptions=True))
        self._loop.run_until_complete(get_channel_layer().flush())
        self._loop.close()

    def _stop(self) -> None:
        for task in self._tasks:
            task.cancel()

    async def _send(self) -> None:
        while True:
            self.pulse.beat()
            if await self._is_filled():
                await self._send_all()

    async def _is_filled(self) -> bool:
        """Wait for messages; False after IDLE_SECONDS without one."""
        try:
            async with asyncio.timeout(IDLE_SECONDS):
                await self._filled.wait()
        except TimeoutError:
            return False
        return True

    async def _send_all(self) -> None:
        self._filled.clear()
        with self._lock:
            progress, self._progress = list(self._progress.values()), {}
            previews, self._previews = list(self._previews.values()), {}
            saves, self._saved = list(self._saved.values()), {}
        try:
            await asyncio.to_thread(_save, saves)
            await self._publish(progress, previews)
        except Exception as error:  # noqa: BLE001  # without this task, the watchdog would end the worker
            log.warning("could not publish progress: %r", error)
            await asyncio.sleep(RETRY_SECONDS)

    async def _publish(
        self, progress: list[tuple[int, Progress]], previews: list[tuple[int, Preview]]
    ) -> None:
        encoded = {preview.job: (preview.seq, _jpeg(preview.image)) for _, preview in previews}
        for user_id, preview in previews:
            jpeg = encoded[preview.job][1]
            message = {
                "type": "live.preview",
                "job": str(preview.job),
                "seq": preview.seq,
                "jpeg": jpeg,
            }
            await _group_send(user_id, message)
        for user_id, each in progress:
            await _group_send(user_id, {"type": "live.message", "message": each.to_message()})
        await asyncio.to_thread(_keep, [each for _, each in progress], encoded)

    async def _listen(self) -> None:
        layer = get_channel_layer()
        while True:
            try:
                channel = await layer.new_channel()
                await layer.group_add(messages.WORKERS, channel)
                while True:
                    message = await layer.receive(channel)
                    if message["type"] == "job.cancel":
                        self._on_cancel(message["job"])
            except (redis.RedisError, OSError) as error:
                log.warning("could not listen for cancellations: %s", error)
                await asyncio.sleep(RETRY_SECONDS)


async def _group_send(user_id: int, message: dict[str, Any]) -> None:
    await get_channel_layer().group_send(messages.user_group(user_id), message)


def _save(saves: list[tuple[Attempt, SavedRun]]) -> None:
    for attempt, saved in saves:
        if attempt.end.done():
            continue
        try:
            attempt.can_be_kept = saved_runs.keep(attempt.job, attempt.state_of(saved))
        except Exception as error:  # noqa: BLE001  # a state may be lost, and must keep nothing else up
            log.warning("could not keep the state of job %s: %r", attempt.job.pk, error)


def _keep(progress: list[Progress], previews: dict[UUID, tuple[int, bytes]]) -> None:
    if progress:
        latest.keep_progress(progress)
    if previews:
        latest.keep_previews(previews)


def _jpeg(image: Image) -> bytes:
    buffer = BytesIO()
    image.save(buffer, "JPEG", quality=JPEG_QUALITY)
    return buffer.getvalue()
