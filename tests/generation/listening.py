"""Records messages to a group of the channel layer, as a browser's socket or a worker would."""

import asyncio
import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from channels.layers import get_channel_layer

PATIENCE = 60.0


class Heard:
    """The received messages, in order."""

    def __init__(self) -> None:
        self._messages: queue.Queue[dict[str, Any]] = queue.Queue()

    def put(self, message: dict[str, Any]) -> None:
        self._messages.put(message)

    def next(self, *, seconds: float = PATIENCE) -> dict[str, Any]:
        return self._messages.get(timeout=seconds)

    def nothing(self, *, seconds: float = 0.3) -> bool:
        try:
            self.next(seconds=seconds)
        except queue.Empty:
            return True
        return False

    def until(self, **wanted: object) -> dict[str, Any]:
        """The first message with these values; earlier ones are skipped."""
        while True:
            message = self.next()
            if wanted.items() <= message.items():
                return message


@contextmanager
def listening(group: str) -> Iterator[Heard]:
    """Join the group, and listen in a thread with its own event loop."""
    heard = Heard()
    loop = asyncio.new_event_loop()
    joined = threading.Event()

    async def listen() -> None:
        layer = get_channel_layer()
        channel = await layer.new_channel()
        await layer.group_add(group, channel)
        joined.set()
        while True:
            heard.put(await layer.receive(channel))

    def run() -> None:
        try:
            loop.run_until_complete(task)
        except asyncio.CancelledError:
            loop.run_until_complete(leave())
        finally:
            loop.close()

    async def leave() -> None:
        await get_channel_layer().flush()

    task = loop.create_task(listen())
    thread = threading.Thread(target=run)
    thread.start()
    assert joined.wait(PATIENCE)
    try:
        yield heard
    finally:
        loop.call_soon_threadsafe(task.cancel)
        thread.join()
