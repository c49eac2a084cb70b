"""A minimal websocket echo server: `python -m tests.bench.echo` prints its port."""

import asyncio
import contextlib

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosedError


async def main() -> None:
    async with serve(_echo, "127.0.0.1", 0, compression=None) as server:
        print(next(iter(server.sockets)).getsockname()[1], flush=True)
        await server.serve_forever()


async def _echo(connection: ServerConnection) -> None:
    # A client that is killed says no goodbye.
    with contextlib.suppress(ConnectionClosedError):
        async for message in connection:
            await connection.send(message)


if __name__ == "__main__":
    asyncio.run(main())
