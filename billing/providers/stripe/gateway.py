"""Stripe as a `providers.gateway.Gateway`."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from django.conf import settings

from billing.providers.objects import Event, Json, Subject
from billing.providers.stripe import events, signature
from billing.providers.stripe.checkouts import Checkouts
from billing.providers.stripe.client import PAGE, plain, translated_errors
from billing.providers.stripe.invoices import Invoices
from billing.providers.stripe.subscriptions import Subscriptions


class StripeGateway(Checkouts, Subscriptions, Invoices):
    name = "stripe"

    def events_since(self, moment: datetime) -> Iterable[Event]:
        with translated_errors():
            found = self._stripe.events.list(
                {
                    "created": {"gte": int(moment.timestamp())},
                    "types": list(events.EVENT_TYPES),
                    "limit": PAGE,
                }
            )
            return [events.from_json(plain(event)) for event in found.auto_paging_iter()]

    def read_event(self, body: bytes, headers: Mapping[str, str]) -> Event:
        header = headers.get(signature.HEADER, "")
        return events.read(body, header=header, secret=settings.STRIPE_WEBHOOK_SECRET)

    def subject_of(self, payload: Json) -> tuple[Subject, str] | None:
        return events.subject_of(payload)
