"""A user's customer at the provider, subscription and payments."""

from datetime import timedelta
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Case, F, Q, When
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from accounts.due import Due, DueQuerySet
from billing.models import accounts


class Interval(models.TextChoices):
    """The length of a subscription's period."""

    MONTH = "month", _("monthly")
    YEAR = "year", _("yearly")


class CustomerQuerySet(models.QuerySet["Customer"]):
    def in_account(self, provider: str, account: str) -> "CustomerQuerySet":
        """Those that the provider may know, the certain ones first."""
        certainty = Case(When(account=account, then=0), When(account="", then=2), default=1)
        known = self.filter(accounts.may_be(account), provider=provider)
        return known.order_by(certainty, "-pk")


class Customer(models.Model):
    """A user's customer at the provider: one for every payment, so that all invoices are in one place.

    Written by `checkouts`, and by `subscriptions` for one that was made at the provider.
    """

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="customers"
    )
    provider = models.CharField(max_length=12)
    account = models.CharField(max_length=accounts.LENGTH, blank=True, db_default="")
    provider_customer_id = models.CharField(max_length=100)

    objects = CustomerQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["user", "provider", "account"], name="customer_one_in_each_account"
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
    account = models.CharField(max_length=accounts.LENGTH, blank=True, db_default="")
    provider_customer_id = models.CharField(max_length=100, blank=True)
    provider_subscription_id = models.CharField(max_length=100, unique=True)
    # A period's price before tax. A subscriber keeps it when the catalogue changes.
    currency = models.CharField(max_length=3, blank=True)
    price_cents = models.PositiveBigIntegerField(default=0)
    current_period_start = models.DateTimeField()
    current_period_end = models.DateTimeField()
    cancel_at_period_end = models.BooleanField(default=False)
    # An upgrade waits until the customer confirms its payment with the bank.
    awaits_confirmation = models.BooleanField(default=False)
    # The scheduled plan from the next period on; empty without a scheduled change.
    next_plan = models.CharField(max_length=20, blank=True)
    next_interval = models.CharField(max_length=5, choices=Interval.choices, blank=True)
    # The next invoice with tax and credit, as the provider previews it.
    next_invoice_cents = models.BigIntegerField(null=True, blank=True)
    # Counts writes: an answer that was read before a write must not be stored after it.
    version = models.PositiveIntegerField(default=0)
    # Counts the customer's changes, so that only one of two browsers succeeds at once.
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
        """The provider still charges for it."""
        return self.status in LIVE

    @property
    def is_past_due(self) -> bool:
        return self.status == Subscription.Status.PAST_DUE


class OwedCancellation(Due):
    """A cancellation that a change of plan has withdrawn, and that returns unless the change is made.

    `owed_cancellations` is the only writer.
    """

    # These attempts take over a week.
    MAX_ATTEMPTS = 40
    OPEN = Q(attempts__lt=MAX_ATTEMPTS)
    # The change itself has this long, and so has each attempt.
    LEASE = timedelta(minutes=5)
    FIRST_RETRY = timedelta(minutes=1)
    LONGEST_RETRY = timedelta(hours=6)
    OWN = ("pk", "key")

    subscription = models.OneToOneField(
        Subscription, on_delete=models.CASCADE, primary_key=True, related_name="owed_cancellation"
    )
    # The idempotency key of the change.
    key = models.CharField(max_length=150)
    # By the database's clock.
    due_at = models.DateTimeField(db_default=Now())
    attempts = models.PositiveSmallIntegerField(default=0)
    # Empty during a retry.
    error = models.CharField(max_length=500, blank=True)

    objects = DueQuerySet["OwedCancellation"].as_manager()

    def __str__(self) -> str:
        return f"{self.key} after {self.attempts}"

    @property
    def is_current(self) -> bool:
        """False once the customer has decided otherwise, or another change owes the cancellation."""
        return OwedCancellation.objects.filter(pk=self.pk, key=self.key).exists()


LIVE = (Subscription.Status.ACTIVE, Subscription.Status.PAST_DUE)


class Payment(models.Model):
    """An invoice or a single purchase, with its refunds. `payments` is the only writer.

    `reference` is the provider's id of the invoice. A product that is bought once has the id of its
    checkout session instead, because its invoice may come later.
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
    # The id of a plan or a product.
    product = models.CharField(max_length=40)
    reference = models.CharField(max_length=100)
    provider = models.CharField(max_length=12)
    account = models.CharField(max_length=accounts.LENGTH, blank=True, db_default="")
    provider_subscription_id = models.CharField(max_length=100, blank=True)
    invoice_id = models.CharField(max_length=100, blank=True)
    payment_intent_id = models.CharField(max_length=100, blank=True)
    number = models.CharField(max_length=100, blank=True)
    currency = models.CharField(max_length=3)
    cents = models.BigIntegerField()
    refunded_cents = models.PositiveBigIntegerField(default=0)
    # Withheld by a dispute until it is won.
    disputed_cents = models.PositiveBigIntegerField(default=0)
    attempts = models.PositiveSmallIntegerField(default=0)
    next_attempt_at = models.DateTimeField(null=True, blank=True)
    # The paid months of GPU time (`periods.Month.to_dict`), and the start of the next one.
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
        """The refunded and the disputed amount, at most the payment."""
        return min(self.cents, self.refunded_cents + self.disputed_cents)


class FailedPayment(Payment):
    """An unpaid payment in the operator's list."""

    class Meta:
        proxy = True
