"""A worker process that prints its device time: `python -m tests.bench.device`."""

import sys
import threading
import time

import django

POLL_SECONDS = 0.02


def main() -> None:
    django.setup()
    from django.conf import settings  # noqa: PLC0415  # app registry: after django.setup()

    from generation.engine.loading.loader import Loader  # noqa: PLC0415  # app registry: after django.setup()
    from generation.engine.loop.engine import Engine  # noqa: PLC0415  # app registry: after django.setup()
    from generation.worker.worker import Worker  # noqa: PLC0415  # app registry: after django.setup()

    loader = Loader()
    engine = Engine(loader=loader, preview_interval=settings.PREVIEW_INTERVAL_SECONDS)
    worker = Worker(engine, loader, name="bench", slots=settings.WORKER_SLOTS)
    worker.start()
    for _ in range(settings.WORKER_SLOTS):
        threading.Thread(target=_work_forever, args=[worker.work], daemon=True).start()
    print("ready", flush=True)
    for _question in sys.stdin:
        print(engine.busy_us, flush=True)


def _work_forever(work) -> None:
    """Answer bells without a caller."""
    while True:
        work()
        time.sleep(POLL_SECONDS)


if __name__ == "__main__":
    main()
