"""Subscriptions at Stripe, and their changes of plan."""

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from billing.models import Interval
from billing.plans import Plan
from billing.providers.objects import Json, ProviderSubscription
from billing.providers.protocol import CardDeclined
from billing.providers.stripe import catalogue
from billing.providers.stripe import json as stripe_json
from billing.providers.stripe.client import PAGE, Connection, plain, translated_errors

if TYPE_CHECKING:
    from stripe.params import SubscriptionUpdateParams


class Subscriptions(Connection):
    def retrieve_subscription(self, subscription_id: str) -> ProviderSubscription:
        with translated_errors():
            found = self._stripe.subscriptions.retrieve(
                subscription_id, {"expand": ["schedule", "items.data.price.currency_options"]}
            )
            return stripe_json.subscription(plain(found), price_of=self._price)

    def all_subscriptions(self) -> Iterable[ProviderSubscription]:
        with translated_errors():
            found = self._stripe.subscriptions.list(
                {"status": "all", "limit": PAGE, "expand": ["data.schedule"]}
            )
            for each in found.auto_paging_iter():
                yield stripe_json.subscription(plain(each), price_of=self._price)

    def require_price(self, plan: Plan, interval: Interval) -> None:
        with translated_errors():
            catalogue.price_id(self._stripe, plan, interval)

    def change_plan(
        self,
        remote: ProviderSubscription,
        plan: Plan,
        interval: Interval,
        *,
        at: datetime,
        idempotency_key: str,
    ) -> str | None:
        self._release(remote, idempotency_key=idempotency_key)
        with translated_errors():
            price = catalogue.price_id(self._stripe, plan, interval)
            params: SubscriptionUpdateParams = {
                "items": [{"id": remote.item_id, "price": price}],
                "proration_behavior": "always_invoice",
                "proration_date": int(at.timestamp()),
                # Applied with the change: one that is never confirmed leaves a canceled plan canceled.
                "cancel_at_period_end": False,
                # An unpaid change is not applied.
                "payment_behavior": "pending_if_incomplete",
                "expand": ["latest_invoice.payments"],
            }
            changed = self._stripe.subscriptions.update(
                remote.id, params, {"idempotency_key": idempotency_key}
            )
            if changed.pending_update is None:
                return None
            return self._page_to_confirm(plain(changed)["latest_invoice"])

    def schedule_change(
        self, remote: ProviderSubscription, plan: Plan, interval: Interval, *, idempotency_key: str
    ) -> None:
        self._release(remote, idempotency_key=idempotency_key)
        with translated_errors():
            price = catalogue.price_id(self._stripe, plan, interval)
            schedule = self._stripe.subscription_schedules.create(
                {"from_subscription": remote.id}, {"idempotency_key": f"{idempotency_key}:schedule"}
            )
            now = schedule.phases[0]
            self._stripe.subscription_schedules.update(
                schedule.id,
                {
                    "phases": [
                        {
                            "items": [{"price": remote.price.id}],
                            "start_date": now.start_date,
                            "end_date": int(remote.period_end.timestamp()),
                        },
                        {"items": [{"price": price}], "duration": {"interval": interval.value}},
                    ],
                    "proration_behavior": "none",
                    "end_behavior": "release",
                },
                {"idempotency_key": idempotency_key},
            )

    def unschedule(self, remote: ProviderSubscription, *, idempotency_key: str) -> None:
        self._release(remote, idempotency_key=idempotency_key)

    def set_cancel_at_period_end(
        self, remote: ProviderSubscription, *, cancel: bool, idempotency_key: str
    ) -> None:
        self._release(remote, idempotency_key=idempotency_key)
        with translated_errors():
            self._stripe.subscriptions.update(
                remote.id,
                {"cancel_at_period_end": cancel},
                {"idempotency_key": idempotency_key},
            )

    def end(self, remote: ProviderSubscription, *, idempotency_key: str) -> None:
        self._release(remote, idempotency_key=idempotency_key)
        with translated_errors():
            self._stripe.subscriptions.cancel(remote.id, {}, {"idempotency_key": idempotency_key})
            owed = self._stripe.invoices.list({"subscription": remote.id, "status": "open"})
            for invoice in owed.data:
                self._stripe.invoices.void_invoice(invoice.id)

    def _page_to_confirm(self, invoice: Json) -> str:
        """The page for confirming the payment. Otherwise drops the change and raises CardDeclined."""
        intent_id = stripe_json.payment_intent_of(invoice)
        intent = self._stripe.payment_intents.retrieve(intent_id) if intent_id else None
        if intent is not None and intent.status == "requires_action":
            return str(invoice["hosted_invoice_url"])
        self._stripe.invoices.void_invoice(invoice["id"])
        raise CardDeclined
