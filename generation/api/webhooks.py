"""Signed webhooks about ended jobs, from rows of Delivery.

The row is the outbox; a Celery message only speeds up its delivery. Any answer but 2xx is retried with
growing delays. The body is built at each attempt, because its links to images expire.
"""

import base64
import hashlib
import hmac
import json
import logging
import time
from functools import partial
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now

from accounts import bells
from accounts.models import ApiKey
from generation.api import outbound_http
from generation.models import Job
from generation.models.api import Delivery, Order

log = logging.getLogger(__name__)


def note_end(job: Job) -> None:
    """Have the end of a job told, if whoever asked for it wants that. Call it in the job's transaction."""
    order = Order.objects.filter(job=job).exclude(webhook_url="").first()
    if order is None:
        return
    delivery = Delivery.objects.create(
        api_key_id=order.api_key_id, job=job, url=order.webhook_url, event=f"job.{job.status}"
    )
    transaction.on_commit(
        partial(bells.ring, "generation.send_webhook", str(delivery.pk)), robust=True
    )


def deliver(delivery_id: str) -> bool:
    """Send a delivery if it is due and unclaimed; returns whether it arrived. Safe to call twice."""
    delivery = Delivery.objects.select_related("job", "api_key").claim(delivery_id)
    if delivery is None:
        return False
    try:
        answer = outbound_http.post(delivery.url, *_signed(delivery))
    except outbound_http.NotReached as error:
        return _postpone(delivery, error=str(error))
    if not 200 <= answer < 300:
        return _postpone(delivery, answer=answer)
    _update(delivery, status=Delivery.Status.DELIVERED, answer=answer, error="")
    return True


def send_again(delivery: Delivery) -> None:
    """Queue a delivery again, regardless of its status."""
    _update(delivery, status=Delivery.Status.WAITING, attempts=0, due_at=Now())
    transaction.on_commit(
        partial(bells.ring, "generation.send_webhook", str(delivery.pk)), robust=True
    )


def signature(key: ApiKey, *, id: str, timestamp: int, body: bytes) -> str:
    """The signature of Standard Webhooks, with the secret on the key's page."""
    signed = f"{id}.{timestamp}.".encode() + body
    digest = hmac.new(key.webhook_key, signed, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(digest).decode()}"


def _signed(delivery: Delivery) -> tuple[bytes, dict[str, str]]:
    """The body, and headers as Standard Webhooks names them."""
    timestamp = int(time.time())
    body = json.dumps(_body(delivery), ensure_ascii=False).encode()
    headers = {
        "Content-Type": "application/json",
        "User-Agent": f"{settings.SITE_NAME}-webhooks",
        "webhook-id": str(delivery.pk),
        "webhook-timestamp": str(timestamp),
        "webhook-signature": signature(
            delivery.api_key, id=str(delivery.pk), timestamp=timestamp, body=body
        ),
    }
    return body, headers


def _body(delivery: Delivery) -> dict[str, Any]:
    from generation.api.native import serializers

    return {
        "type": delivery.event,
        "timestamp": delivery.created_at.isoformat(),
        "data": serializers.job(delivery.job),
    }


def _postpone(delivery: Delivery, *, answer: int | None = None, error: str = "") -> bool:
    if delivery.attempts >= Delivery.MAX_ATTEMPTS:
        _update(delivery, status=Delivery.Status.FAILED, answer=answer, error=error[:200])
        return False
    delivery.postpone(answer=answer, error=error[:200])
    return False


def _update(delivery: Delivery, **fields: Any) -> None:
    Delivery.objects.filter(pk=delivery.pk).update(**fields)
