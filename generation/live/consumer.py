"""A browser's websocket: authorize, join the user's group, send a snapshot, then forward messages.

A slow reader delays nobody: messages go into an outbox with one slot for each job and kind, where the
newest wins, and one task sends them as fast as the reader reads.
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

from generation.live import latest, messages, snapshot
from generation.live.session_watch import watch
from generation.models import ACTIVE, Status

log = logging.getLogger(__name__)

# After this much silence about running, or only queued, jobs a message may have been lost.
SILENCE_SECONDS = 2.0
SILENCE_IN_LINE_SECONDS = 5.0
# A page takes a connection for dead after twice this much silence.
HEARTBEAT_SECONDS = 10.0
# A reader that takes nothing for this long is disconnected; its browser reconnects.
STALLED_SECONDS = 30.0

Frame = str | bytes

CLIENTS = Gauge("sdsite_websocket_clients", "Browsers that are connected to this process.")


class Outbox:
    """Unsent messages for one browser: at most one of each kind for each job."""

    def __init__(self) -> None:
        self.filled = asyncio.Event()
        self.is_closed = False
        self._slots: dict[tuple[str, str], Frame] = {}

    def put(self, kind: str, job: str, frame: Frame) -> None:
        """Add a message, in place of the job's unsent one of this kind."""
        self._slots.pop((kind, job), None)
        self._slots[kind, job] = frame
        self.filled.set()

    def take(self) -> list[Frame]:
        """Empty the outbox; returns the frames in the order of their arrival."""
        frames, self._slots = list(self._slots.values()), {}
        if not self.is_closed:
            self.filled.clear()
        return frames

    def close(self) -> None:
        """Stop sending. `filled` stays set from now on, so that its waiters wake."""
        self.is_closed = True
        self.filled.set()


class LiveConsumer(AsyncWebsocketConsumer):  # type: ignore[misc]  # it has no types
    """One browser's socket. Messages from the browser are ignored; actions go over HTTP."""

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
        """Queue a JSON message for the page."""
        message = event["message"]
        if "status" in message:
            self._note_status(message["job"], message["status"])
        self._outbox.put(message["type"], message["job"], json.dumps(message))

    async def live_preview(self, event: dict[str, Any]) -> None:
        """Queue a preview as a binary frame."""
        frame = _preview_frame(UUID(event["job"]), event["seq"], event["jpeg"])
        self._outbox.put("preview", event["job"], frame)

    async def session_changed(self, event: dict[str, Any]) -> None:
        """Check the session soon: the account or one of its sessions has changed."""
        watch.look_soon(self)

    def leave(self) -> None:
        """Close the socket, because its session has ended."""
        self._outbox.close()

    async def _write(self) -> None:
        """Send until the session ends. After an error the page reconnects and gets a new snapshot."""
        try:
            await self._send_snapshot(with_previews=True)
            await self._send_while_signed_in()
        except Exception as error:  # noqa: BLE001  # a server or the reader is gone
            log.warning("a socket of user %d is closed: %r", self._user.pk, error)
        with contextlib.suppress(OSError, RuntimeError):  # the reader is already gone
            await self.close()

    async def _send_while_signed_in(self) -> None:
        heartbeat = time.monotonic()
        await self._note_watching()
        while True:
            is_filled = await self._is_filled()
            if self._outbox.is_closed:
                return
            # Before the page hears of a new job, so that its first step already has a preview.
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
        """Renew the note that the user has a page open, as long as jobs are active."""
        now = time.monotonic()
        if self._active and now >= self._watching_again_at:
            self._watching_again_at = now + HEARTBEAT_SECONDS
            await asyncio.to_thread(latest.note_watching, self._user.pk)

    async def _is_filled(self) -> bool:
        """Wait for a message to send; False after `_silence_seconds` without one."""
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
        state, previews = await self._read(with_previews=with_previews)
        # Parked jobs do not count: they may stay parked for weeks.
        self._active = {
            job["job"]: job["status"] for job in state["jobs"] if job["status"] in ACTIVE
        }
        await self._send_all([json.dumps({"type": "jobs.snapshot", **state}), *previews])

    async def _send_all(self, frames: list[Frame]) -> None:
        """Raises TimeoutError if the reader stalls."""
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
        state = snapshot.user_state(self._user)
        if not with_previews:
            return state, []
        running = [UUID(each["job"]) for each in state["jobs"] if each["status"] == Status.RUNNING]
        found = [(job, latest.preview_of(job)) for job in running]
        return state, [_preview_frame(job, *preview) for job, preview in found if preview]


def _preview_frame(job: UUID, seq: int, jpeg: bytes) -> bytes:
    return job.bytes + seq.to_bytes(4, "big") + jpeg
