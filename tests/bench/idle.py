"""Websockets that only stay open, in a process of their own: `python -m tests.bench.idle URL`.

Each line on standard input is a list of Cookie headers in JSON: a websocket is opened with each, and once
all are open their number is printed. They close when the input ends.
"""

import asyncio
import json
import sys
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection, connect

AT_ONCE = 20
PATIENCE_SECONDS = 100


async def main(url: str) -> None:
    gate = asyncio.Semaphore(AT_ONCE)
    readers: list[asyncio.Task[None]] = []

    async def open_one(cookie: str) -> None:
        async with gate:
            connection = await connect(
                url,
                origin=f"http://{urlsplit(url).netloc}",
                additional_headers={"Cookie": cookie},
                compression=None,
                open_timeout=PATIENCE_SECONDS,
                ping_interval=None,
            )
        readers.append(asyncio.create_task(_read(connection)))

    while line := await asyncio.to_thread(sys.stdin.readline):
        await asyncio.gather(*map(open_one, json.loads(line)))
        assert not any(reader.done() for reader in readers), "a websocket was closed"
        print(len(readers), flush=True)


async def _read(connection: ClientConnection) -> None:
    """Take in whatever comes; the library answers pings."""
    async for _message in connection:
        pass


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
