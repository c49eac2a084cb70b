"""The webhook of the payment provider: verifies, stores once, acknowledges. `event_inbox` does the work."""

from functools import partial

from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from accounts import bells, body_sizes
from billing import event_inbox
from billing.providers import gateway
from billing.providers.protocol import InvalidEvent

MAX_BYTES = 512 * 1024


@body_sizes.accepts(MAX_BYTES)
@csrf_exempt
@require_POST
def webhook(request: HttpRequest) -> HttpResponse:
    """200 once the event is stored, 400 for anything but a signed, recent event."""
    body = request.read(MAX_BYTES + 1)
    if len(body) > MAX_BYTES:
        return HttpResponseBadRequest("too large")
    try:
        event = gateway().read_event(body, request.headers)
    except InvalidEvent as error:
        return HttpResponseBadRequest(str(error))
    event_inbox.store(event)
    transaction.on_commit(partial(bells.ring, "billing.process_event", event.id))
    return HttpResponse()
