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
from typing import Any

from django.conf import settings
from django.db.models.functions import Now

from accounts.models import ApiKey
from generation.api import outbound_http
from generation.api.native import serializers
from generation.jobs import webhook_outbox
from generation.models.api import Delivery

log = logging.getLogger(__name__)


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
    webhook_outbox.ring_on_commit(delivery)


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
