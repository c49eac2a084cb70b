"""Webhook deliveries to be sent: one row for each API job that ended."""

from functools import partial

from django.db import transaction

from accounts import bells
from generation.models import Job
from generation.models.api import Delivery, Order


def note_end(job: Job) -> None:
    """Record a delivery if the request named a webhook. Call it in the transaction that ends the job."""
    order = Order.objects.filter(job=job).exclude(webhook_url="").first()
    if order is None:
        return
    delivery = Delivery.objects.create(
        api_key_id=order.api_key_id, job=job, url=order.webhook_url, event=f"job.{job.status}"
    )
    ring_on_commit(delivery)


def ring_on_commit(delivery: Delivery) -> None:
    """Have the delivery sent once the transaction is committed."""
    ring = partial(bells.ring, "generation.send_webhook", str(delivery.pk))
    transaction.on_commit(ring, robust=True)
