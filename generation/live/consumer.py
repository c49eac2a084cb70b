"""The websocket of a browser: authorise, join, send the truth, then forward hints.

Nothing waits for a slow reader: what arrives is put into an outbox with one slot for each job and kind
of message, where the newest wins, and one task sends it as fast as the reader reads.
"""

import asyncio
import contextlib
import json
import logging
import time
from typing import Any
from uuid import UUID

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from prometheus_client import Gauge

from generation.live import messages
from generation.live.session_watch import watch
from generation.models import ACTIVE, Status

log = logging.getLogger(__name__)

# Nothing heard for so long of jobs that run, or only wait in line: something may have been lost.
SILENCE_SECONDS = 2.0
SILENCE_IN_LINE_SECONDS = 5.0
# A page that hears nothing for longer than twice this takes the connection for dead.
HEARTBEAT_SECONDS = 10.0
# A reader that takes nothing for so long is let go; its browser comes back when it can.
STALLED_SECONDS = 30.0

Frame = str | bytes

CLIENTS = Gauge("sdsite_websocket_clients", "Browsers that are connected to this process.")


class Outbox:
    """What is still to be sent to one browser: at most one message of a kind for each job."""

    def __init__(self) -> None:
        self.filled = asyncio.Event()
        self.is_closed = False
        self._slots: dict[tuple[str, str], Frame] = {}

    def put(self, kind: str, job: str, frame: Frame) -> None:
        """Replace what is there of this kind for the job."""
        self._slots.pop((kind, job), None)
        self._slots[kind, job] = frame
        self.filled.set()

    def take(self) -> list[Frame]:
        """Empty it; the frames in the order in which they came."""
        frames, self._slots = list(self._slots.values()), {}
        if not self.is_closed:
            self.filled.clear()
        return frames

    def close(self) -> None:
        """Nothing more is to be sent: whoever waits for it to be filled wakes, now and from now on."""
        self.is_closed = True
        self.filled.set()


class LiveConsumer(AsyncWebsocketConsumer):  # type: ignore[misc]  # it has no types
    """One browser's socket. Browsers send nothing that matters; all they do goes over HTTP."""

    async def connect(self) -> None:
        self._user = self.scope["user"]
        if not self._user.is_authenticated:
            await self.close()
            return
        self.user_id: int = self._user.pk
        self.session_key: str = self.scope["session"].session_key
        self._outbox = Outbox()
        self._active: dict[str, str] = {}
        self._watching_again_at = 0.0
        await self.channel_layer.group_add(messages.user_group(self._user.pk), self.channel_name)
        await self.accept()
        CLIENTS.inc()
        watch.add(self)
        self._writer = asyncio.create_task(self._write())

    async def disconnect(self, code: int) -> None:
        if not hasattr(self, "_writer"):
            return
        CLIENTS.dec()
        watch.remove(self)
        self._writer.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._writer
        await self.channel_layer.group_discard(
            messages.user_group(self._user.pk), self.channel_name
        )

    async def live_message(self, event: dict[str, Any]) -> None:
        """A message for the page, as `events` made it."""
        message = event["message"]
        if "status" in message:
            self._note_status(message["job"], message["status"])
        self._outbox.put(message["type"], message["job"], json.dumps(message))

    async def live_preview(self, event: dict[str, Any]) -> None:
        """A newer preview of a job."""
        frame = _preview_frame(UUID(event["job"]), event["seq"], event["jpeg"])
        self._outbox.put("preview", event["job"], frame)

    async def session_changed(self, event: dict[str, Any]) -> None:
        """Something happened to the account, or to one of its sessions."""
        watch.look_soon(self)

    def leave(self) -> None:
        """The session is over: send nothing more, and close."""
        self._outbox.close()

    async def _write(self) -> None:
        """Send until the session ends, or until something is amiss: then the page comes back, and reads anew."""
        try:
            await self._send_snapshot(with_previews=True)
            await self._send_while_signed_in()
        except Exception as error:  # noqa: BLE001  # a server is away, or the reader
            log.warning("a socket of user %d is closed: %r", self._user.pk, error)
        with contextlib.suppress(OSError, RuntimeError):  # the reader is gone already
            await self.close()

    async def _send_while_signed_in(self) -> None:
        heartbeat = time.monotonic()
        await self._note_watching()
        while True:
            is_filled = await self._is_filled()
            if self._outbox.is_closed:
                return
            # Before the page hears of a new job, whose first step is not far.
            await self._note_watching()
            if is_filled:
                await self._send_all(self._outbox.take())
            elif self._active:
                await self._send_snapshot()
            now = time.monotonic()
            if now - heartbeat >= HEARTBEAT_SECONDS:
                heartbeat = now
                await self._send_all([json.dumps({"type": "ping"})])

    async def _note_watching(self) -> None:
        """Say now and again that somebody watches, as long as there is something to watch."""
        now = time.monotonic()
        if self._active and now >= self._watching_again_at:
            self._watching_again_at = now + HEARTBEAT_SECONDS
            await asyncio.to_thread(messages.note_watching, self._user.pk)

    async def _is_filled(self) -> bool:
        """Wait for something to send; False after as much silence as is suspicious, or as a page bears."""
        try:
            async with asyncio.timeout(self._silence_seconds):
                await self._outbox.filled.wait()
        except TimeoutError:
            return False
        return True

    @property
    def _silence_seconds(self) -> float:
        if Status.RUNNING in self._active.values():
            return SILENCE_SECONDS
        return SILENCE_IN_LINE_SECONDS if self._active else HEARTBEAT_SECONDS

    async def _send_snapshot(self, *, with_previews: bool = False) -> None:
        snapshot, previews = await self._read(with_previews=with_previews)
        # A parked job may be so for weeks: it is no reason to look again and again.
        self._active = {
            state["job"]: state["status"] for state in snapshot["jobs"] if state["status"] in ACTIVE
        }
        await self._send_all([json.dumps({"type": "jobs.snapshot", **snapshot}), *previews])

    async def _send_all(self, frames: list[Frame]) -> None:
        """Raises TimeoutError if the reader takes nothing."""
        for frame in frames:
            async with asyncio.timeout(STALLED_SECONDS):
                if isinstance(frame, str):
                    await self.send(text_data=frame)
                else:
                    await self.send(bytes_data=frame)

    def _note_status(self, job: str, status: str) -> None:
        if status in ACTIVE:
            self._active[job] = status
        else:
            self._active.pop(job, None)

    async def _read(self, *, with_previews: bool) -> tuple[dict[str, Any], list[bytes]]:
        read = database_sync_to_async(self._read_now, thread_sensitive=False)
        result: tuple[dict[str, Any], list[bytes]] = await read(with_previews=with_previews)
        return result

    def _read_now(self, *, with_previews: bool) -> tuple[dict[str, Any], list[bytes]]:
        snapshot = messages.snapshot(self._user)
        if not with_previews:
            return snapshot, []
        running = [
            UUID(each["job"]) for each in snapshot["jobs"] if each["status"] == Status.RUNNING
        ]
        found = [(job, messages.preview_of(job)) for job in running]
        return snapshot, [_preview_frame(job, *preview) for job, preview in found if preview]


def _preview_frame(job: UUID, seq: int, jpeg: bytes) -> bytes:
    return job.bytes + seq.to_bytes(4, "big") + jpeg
