"""Serves HTTP and websockets."""

import threading
from argparse import ArgumentParser
from typing import Any

import uvicorn
from django.core.management.base import BaseCommand

from generation.images import marker
from sdsite import file_modes
from sdsite.http_protocol import Protocol

# Browsers send only short messages over a websocket.
LARGEST_MESSAGE = 64 * 2**10
# Longer than clients and proxies keep idle connections: if both sides close at the same moment, a request is
# lost.
KEEP_ALIVE_SECONDS = 75


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=8000)

    def handle(self, *args: Any, host: str, port: int, **options: Any) -> None:
        file_modes.restrict()
        is_over = threading.Event()
        # Beside the start, which must not wait for a store that is away.
        threading.Thread(target=marker.keep_writing, args=[is_over], daemon=True).start()
        uvicorn.run(
            "sdsite.asgi:application",
            host=host,
            port=port,
            http=Protocol,
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            # Code that needs the client's address reads it itself, behind as many proxies as the settings trust.
            proxy_headers=False,
            # Previews are JPEG: compression would cost time and save nothing.
            ws_per_message_deflate=False,
            ws_max_size=LARGEST_MESSAGE,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=5,
        )
        is_over.set()
