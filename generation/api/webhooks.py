"""Tell programs that their jobs have ended, signed, at addresses of their own: the only writer of Delivery.

The row says what is to be told, a Celery message only that there is something. An address that does not
answer with 2xx is tried again, each time after a longer wait. The body is made when it is sent, so that
its links to pictures are fresh.
"""

import base64
import hashlib
import hmac
import json
import logging
import time
from datetime import timedelta
from functools import partial
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now

from accounts import bells
from accounts.models import ApiKey
from generation.api import outbound_http
from generation.models import Job
from generation.models.api import Delivery, Order

log = logging.getLogger(__name__)

# For so long a delivery belongs to the worker that sends it.
LEASE = timedelta(minutes=1)
FIRST_RETRY = timedelta(seconds=10)
LONGEST_RETRY = timedelta(hours=6)
# The last one comes after about two days.
MAX_ATTEMPTS = 18


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
    """Send it if it is due and nobody else does; returns whether it arrived. Safe to call twice."""
    mine = Delivery.objects.filter(
        pk=delivery_id, status=Delivery.Status.WAITING, due_at__lte=Now()
    )
    if not mine.update(due_at=Now() + LEASE, attempts=F("attempts") + 1):
        return False
    delivery = Delivery.objects.select_related("job", "api_key").get(pk=delivery_id)
    try:
        answer = outbound_http.post(delivery.url, *_signed(delivery))
    except outbound_http.NotReached as error:
        return _postpone(delivery, error=str(error))
    if not 200 <= answer < 300:
        return _postpone(delivery, answer=answer)
    _update(delivery, status=Delivery.Status.DELIVERED, answer=answer, error="")
    return True


def send_again(delivery: Delivery) -> None:
    """Try a delivery anew, whatever became of it before."""
    _update(delivery, status=Delivery.Status.WAITING, attempts=0, due_at=Now())
    transaction.on_commit(
        partial(bells.ring, "generation.send_webhook", str(delivery.pk)), robust=True
    )


def waiting() -> list[str]:
    """The ids of those that are due, at most a hundred."""
    due = Delivery.objects.filter(status=Delivery.Status.WAITING, due_at__lte=Now())
    return [str(pk) for pk in due.order_by("due_at").values_list("pk", flat=True)[:100]]


def signature(key: ApiKey, *, id: str, timestamp: int, body: bytes) -> str:
    """What the receiver computes again, with the secret that the key's page shows, to know that it is us."""
    signed = f"{id}.{timestamp}.".encode() + body
    digest = hmac.new(key.webhook_key, signed, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(digest).decode()}"


def _signed(delivery: Delivery) -> tuple[bytes, dict[str, str]]:
    """The body, and the headers that prove whose it is, by the names that Standard Webhooks gave them."""
    timestamp = int(time.time())
    body = json.dumps(_said(delivery), ensure_ascii=False).encode()
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


def _said(delivery: Delivery) -> dict[str, Any]:
    from generation.api.native import serializers  # which shows it as the API does

    return {
        "type": delivery.event,
        "timestamp": delivery.created_at.isoformat(),
        "data": serializers.job(delivery.job),
    }


def _postpone(delivery: Delivery, *, answer: int | None = None, error: str = "") -> bool:
    if delivery.attempts >= MAX_ATTEMPTS:
        _update(delivery, status=Delivery.Status.FAILED, answer=answer, error=error[:200])
        return False
    wait = min(FIRST_RETRY * 2 ** (delivery.attempts - 1), LONGEST_RETRY)
    _update(delivery, due_at=Now() + wait, answer=answer, error=error[:200])
    return False


def _update(delivery: Delivery, **fields: Any) -> None:
    Delivery.objects.filter(pk=delivery.pk).update(**fields)
