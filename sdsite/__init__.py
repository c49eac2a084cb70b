"""Wiring only: settings, URLs, ASGI, Celery, and the command that runs it all on one machine."""

from sdsite.celery import app as celery_app

__all__ = ["celery_app"]
