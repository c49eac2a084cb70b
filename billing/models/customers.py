"""Who pays: a user's customer at the provider, their subscription, and what they were billed."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _


class Interval(models.TextChoices):
    """How long a subscription's period is."""

    MONTH = "month", _("monthly")
    YEAR = "year", _("yearly")


class Customer(models.Model):
    """A user as the provider knows them: one for all that they pay, so that invoices are in one place."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="customers"
    )
    provider = models.CharField(max_length=12)
    provider_customer_id = models.CharField(max_length=100)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["user", "provider"], name="customer_one_at_each_provider"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user}: {self.provider_customer_id}"


class Subscription(models.Model):
    """A user's plan at the provider. `subscriptions` is the only writer of its status."""

    class Status(models.TextChoices):
        INCOMPLETE = "incomplete", _("Incomplete")
        ACTIVE = "active", _("Active")
        PAST_DUE = "past_due", _("Payment failed")
        CANCELED = "canceled", _("Canceled")

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="subscription"
    )
    plan = models.CharField(max_length=20)
    interval = models.CharField(max_length=5, choices=Interval.choices, default=Interval.MONTH)
    status = models.CharField(max_length=12, choices=Status.choices, default=Status.INCOMPLETE)
    provider = models.CharField(max_length=12)
    provider_customer_id = models.CharField(max_length=100, blank=True)
    provider_subscription_id = models.CharField(max_length=100, unique=True)
    # What a period costs before tax: who subscribed at another price keeps it.
    currency = models.CharField(max_length=3, blank=True)
    price_cents = models.PositiveBigIntegerField(default=0)
    current_period_start = models.DateTimeField()
    current_period_end = models.DateTimeField()
    cancel_at_period_end = models.BooleanField(default=False)
    # Whether an upgrade waits for the customer to confirm its payment with the bank.
    awaits_confirmation = models.BooleanField(default=False)
    # What it changes to when the period ends; empty if it stays.
    next_plan = models.CharField(max_length=20, blank=True)
    next_interval = models.CharField(max_length=5, choices=Interval.choices, blank=True)
    # What the next invoice will come to, with tax and credit, as far as the provider knows.
    next_invoice_cents = models.BigIntegerField(null=True, blank=True)
    # Counts the writes, so that what was read from the provider before a write can't be written after it.
    version = models.PositiveIntegerField(default=0)
    # Counts what the customer asked for, so that of two browsers that ask at once only one is heard.
    changes = models.PositiveIntegerField(default=0)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(current_period_end__gt=F("current_period_start")),
                name="subscription_period_not_empty",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user}: {self.plan} {self.status}"

    @property
    def is_live(self) -> bool:
        """Whether the provider goes on charging for it."""
        return self.status in LIVE

    @property
    def is_past_due(self) -> bool:
        return self.status == Subscription.Status.PAST_DUE


LIVE = (Subscription.Status.ACTIVE, Subscription.Status.PAST_DUE)


class Payment(models.Model):
    """What a customer was billed, and what became of it. `payments` is the only writer.

    `reference` is the provider's id: of an invoice, or of the checkout session of something that is
    bought once, whose invoice may come later.
    """

    class Status(models.TextChoices):
        OPEN = "open", _("Open")
        PAID = "paid", _("Paid")
        VOID = "void", _("Void")

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="payments",
        db_index=False,
    )
    status = models.CharField(max_length=5, choices=Status.choices)
    # A plan's id, or that of what is bought once.
    product = models.CharField(max_length=40)
    reference = models.CharField(max_length=100)
    provider = models.CharField(max_length=12)
    provider_subscription_id = models.CharField(max_length=100, blank=True)
    invoice_id = models.CharField(max_length=100, blank=True)
    payment_intent_id = models.CharField(max_length=100, blank=True)
    number = models.CharField(max_length=100, blank=True)
    currency = models.CharField(max_length=3)
    cents = models.BigIntegerField()
    refunded_cents = models.PositiveBigIntegerField(default=0)
    # Held back by a dispute, until it is won.
    disputed_cents = models.PositiveBigIntegerField(default=0)
    attempts = models.PositiveSmallIntegerField(default=0)
    next_attempt_at = models.DateTimeField(null=True, blank=True)
    # The months of GPU time that it paid for, as `periods.Month` writes them, and when the next one begins.
    months = models.JSONField(default=list, blank=True)
    grants_given = models.PositiveSmallIntegerField(default=0)
    next_month_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField()
    paid_at = models.DateTimeField(null=True, blank=True)
    version = models.PositiveIntegerField(default=0)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["reference"], name="payment_once"),
            models.CheckConstraint(
                condition=~Q(status="paid") | Q(paid_at__isnull=False),
                name="payment_paid_at_some_time",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["user", "-created_at", "-id"], name="payment_history"),
            models.Index(
                fields=["payment_intent_id"],
                name="payment_by_intent",
                condition=~Q(payment_intent_id=""),
            ),
            models.Index(
                fields=["next_month_at"],
                name="payment_month_due",
                condition=Q(next_month_at__isnull=False),
            ),
            models.Index(fields=["created_at"], name="payment_failed", condition=Q(status="open")),
            models.Index(fields=["paid_at"], name="payment_revenue", condition=Q(status="paid")),
        ]

    def __str__(self) -> str:
        return f"{self.reference}: {self.cents} {self.currency} {self.status}"

    @property
    def returned_cents(self) -> int:
        """What the customer has back of it, or may get."""
        return min(self.cents, self.refunded_cents + self.disputed_cents)


class FailedPayment(Payment):
    """A payment that waits for its money, as the operator's list shows it."""

    class Meta:
        proxy = True
