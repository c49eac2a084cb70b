"""POST /billing/webhook/: verify, store once, acknowledge. What follows from an event is `inbox`'s."""

import json
from functools import partial
from typing import Any

from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from accounts import bells
from billing import event_inbox
from billing.providers.stripe import signature

MAX_BYTES = 512 * 1024


@csrf_exempt
@require_POST
def webhook(request: HttpRequest) -> HttpResponse:
    """200 for an event that is now stored, 400 for anything that is not a signed, recent event."""
    payload = request.read(MAX_BYTES + 1)
    if len(payload) > MAX_BYTES:
        return HttpResponseBadRequest("too large")
    try:
        signature.verify(payload, header=request.headers.get("Stripe-Signature", ""))
        event = _event(payload)
    except (signature.InvalidSignature, ValueError) as error:
        return HttpResponseBadRequest(str(error))
    event_inbox.store(event)
    transaction.on_commit(partial(bells.ring, "billing.process_event", event["id"]))
    return HttpResponse()


def _event(payload: bytes) -> dict[str, Any]:
    """The event; raises ValueError if it lacks what every event has."""
    event = json.loads(payload)
    is_event = isinstance(event, dict) and all(
        isinstance(event.get(field), str) for field in ("id", "type")
    )
    if not is_event:
        raise ValueError("not an event")
    return event  # type: ignore[no-any-return]
