"""Runs the background tasks: webhooks, emails, exports, billing, and the return of lost jobs."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from sdsite.celery import app


class Command(BaseCommand):
    help = __doc__
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        app.worker_main(
            [
                "--quiet",
                "worker",
                "--hostname=background@%h",
                f"--queues={settings.BACKGROUND_QUEUE}",
                f"--concurrency={settings.BACKGROUND_THREADS}",
                "--without-gossip",
                "--without-mingle",
            ]
        )
