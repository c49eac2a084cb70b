"""Spectators of a site, one of whom receives previews. Needs a database."""

import asyncio
import itertools
import os
import time
from collections.abc import AsyncIterator
from urllib.parse import urlsplit
from uuid import uuid4

from channels.layers import get_channel_layer
from django.conf import settings
from django.test import Client
from websockets.asyncio.client import connect

from accounts.models import User
from generation.live import messages
from tests.bench.idle import PATIENCE_SECONDS

# A preview of a picture of the sketchbook.
PREVIEW_BYTES = 2_400
FRAMES = 100
EVERY_SECONDS = 0.05
_NUMBERS = itertools.count()


class Viewer:
    """A signed-in user."""

    def __init__(self, user: User) -> None:
        client = Client()
        client.force_login(user)
        self._user = user
        name = settings.SESSION_COOKIE_NAME
        self.cookie = f"{name}={client.cookies[name].value}"

    def milliseconds(self, url: str) -> list[float]:
        """Measure each of FRAMES previews from the channel layer to the websocket."""
        return asyncio.run(self._collect(url))

    async def _collect(self, url: str) -> list[float]:
        return [each async for each in self._frames(url)]

    async def _frames(self, url: str) -> AsyncIterator[float]:
        layer = get_channel_layer()
        group = messages.user_group(self._user.pk)
        origin = f"http://{urlsplit(url).netloc}"
        headers = {"Cookie": self.cookie}
        async with connect(url, origin=origin, additional_headers=headers) as socket:
            await socket.recv()
            for number in range(FRAMES):
                await asyncio.sleep(EVERY_SECONDS)
                preview = {
                    "type": "live.preview",
                    "job": str(uuid4()),
                    "seq": number,
                    "jpeg": os.urandom(PREVIEW_BYTES),
                }
                began = time.perf_counter()
                async with asyncio.timeout(PATIENCE_SECONDS):
                    await layer.group_send(group, preview)
                    while isinstance(await socket.recv(), str):
                        pass
                yield (time.perf_counter() - began) * 1_000
        await layer.flush()


def viewers(count: int) -> list[Viewer]:
    users = User.objects.bulk_create(
        [User(email=f"viewer-{next(_NUMBERS)}@example.com") for _ in range(count)]
    )
    return [Viewer(user) for user in users]
