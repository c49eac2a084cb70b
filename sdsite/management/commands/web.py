"""Serves HTTP and websockets."""

from argparse import ArgumentParser
from typing import Any

import uvicorn
from django.core.management.base import BaseCommand

# A browser only ever sends short answers; pictures travel the other way.
LARGEST_MESSAGE = 64 * 2**10
# Longer than programs and proxies keep a connection for their next request: if both let go at the same moment,
# a request is lost on its way.
KEEP_ALIVE_SECONDS = 75


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=8000)

    def handle(self, *args: Any, host: str, port: int, **options: Any) -> None:
        uvicorn.run(
            "sdsite.asgi:application",
            host=host,
            port=port,
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            # Addresses are read by what needs them, from as many proxies as the settings trust.
            proxy_headers=False,
            # Previews are JPEG: compressing them again would cost time and save nothing.
            ws_per_message_deflate=False,
            ws_max_size=LARGEST_MESSAGE,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=5,
        )
