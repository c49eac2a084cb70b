"""Wallets, and the grants, holds and entries that they sum. `ledger` is the only writer."""

from typing import ClassVar

from django.conf import settings
from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import User


class Unit(models.TextChoices):
    GPU_MS = "gpu_ms", _("GPU milliseconds")
    CREDITS = "credits", _("thousandths of a credit")


class Wallet(models.Model):
    """A user's balance in one unit. `balance` and `held` always equal the sums of the rows below."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="wallets"
    )
    unit = models.CharField(max_length=10, choices=Unit.choices)
    balance = models.BigIntegerField(default=0)
    held = models.BigIntegerField(default=0)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["user", "unit"], name="wallet_one_per_unit"),
            models.CheckConstraint(condition=Q(held__gte=0), name="wallet_held_not_negative"),
            models.CheckConstraint(condition=Q(balance__gte=F("held")), name="wallet_covers_holds"),
        ]

    def __str__(self) -> str:
        return f"{self.user}: {self.balance} {self.unit}"


class GrantQuerySet(models.QuerySet["Grant"]):
    def spendable(self) -> "GrantQuerySet":
        """Unexpired grants with something left, in the order of spending."""
        alive = Q(expires_at=None) | Q(expires_at__gt=timezone.now())
        return self.filter(alive, remaining__gt=0).order_by(
            F("expires_at").asc(nulls_last=True), "id"
        )

    def for_user(self, user: User, unit: Unit) -> "GrantQuerySet":
        return self.filter(wallet__user=user, wallet__unit=unit)


class Grant(models.Model):
    """An amount given to a wallet, and its unspent part. The nearest expiry is spent first.

    A plan's month rolls over at `rolls_over_at` and expires a month later.
    """

    class Source(models.TextChoices):
        TRIAL = "trial", _("Trial")
        PLAN = "plan", _("Plan")
        TOPUP = "topup", _("Top-up")
        PACK = "pack", _("Credit pack")
        ADJUSTMENT = "adjustment", _("Adjustment")

    wallet = models.ForeignKey(Wallet, on_delete=models.PROTECT, related_name="grants")
    source = models.CharField(max_length=12, choices=Source.choices)
    amount = models.BigIntegerField()
    remaining = models.BigIntegerField()
    # The part of `amount` that was refunded. Its spent part stays spent.
    refunded = models.BigIntegerField(default=0)
    rolls_over_at = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    reference = models.CharField(max_length=200)
    note = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = GrantQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["reference"], name="grant_once"),
            models.CheckConstraint(condition=Q(amount__gt=0), name="grant_amount_positive"),
            models.CheckConstraint(
                condition=Q(remaining__gte=0, remaining__lte=F("amount")),
                name="grant_remaining_within_amount",
            ),
            models.CheckConstraint(
                condition=Q(refunded__gte=0, refunded__lte=F("amount")),
                name="grant_refunded_within_amount",
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                F("wallet"),
                F("expires_at").asc(nulls_last=True),
                name="grant_spending_order",
                condition=Q(remaining__gt=0),
            ),
            models.Index(
                fields=["expires_at"],
                name="grant_due",
                condition=Q(remaining__gt=0, expires_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.source} {self.remaining}/{self.amount}"

    @property
    def has_expired(self) -> bool:
        return self.expires_at is not None and self.expires_at <= timezone.now()

    @property
    def has_rolled_over(self) -> bool:
        return self.rolls_over_at is not None and self.rolls_over_at <= timezone.now()


class Hold(models.Model):
    """The most that one job may cost, set aside, and settled exactly once.

    Every grant that had not expired when it was placed may pay for it, even after its expiry.
    """

    class Status(models.TextChoices):
        OPEN = "open", _("Open")
        CAPTURED = "captured", _("Captured")
        RELEASED = "released", _("Released")

    wallet = models.ForeignKey(
        Wallet, on_delete=models.PROTECT, related_name="holds", db_index=False
    )
    amount = models.BigIntegerField()
    captured = models.BigIntegerField(null=True, blank=True)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.OPEN)
    reference = models.CharField(max_length=200)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    settled_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["reference"], name="hold_once"),
            models.CheckConstraint(condition=Q(amount__gt=0), name="hold_amount_positive"),
            models.CheckConstraint(
                condition=Q(captured__isnull=True) | Q(captured__gte=0, captured__lte=F("amount")),
                name="hold_captured_within_amount",
            ),
            models.CheckConstraint(
                condition=Q(status="open", captured__isnull=True, settled_at__isnull=True)
                | Q(status="captured", captured__isnull=False, settled_at__isnull=False)
                | Q(status="released", captured__isnull=True, settled_at__isnull=False),
                name="hold_settled_once",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["wallet"], name="hold_open", condition=Q(status="open")),
        ]

    def __str__(self) -> str:
        return f"{self.reference}: {self.amount} {self.status}"


class Entry(models.Model):
    """One change of a grant and its wallet. Append-only: the database refuses updates and deletes.

    A wallet's entries sum to its balance, and a grant's entries to its `remaining`.
    """

    class Kind(models.TextChoices):
        GRANT = "grant", _("Grant")
        CAPTURE = "capture", _("Capture")
        EXPIRE = "expire", _("Expired")
        REFUND = "refund", _("Refund")
        ADJUSTMENT = "adjustment", _("Adjustment")

    wallet = models.ForeignKey(
        Wallet, on_delete=models.PROTECT, related_name="entries", db_index=False
    )
    kind = models.CharField(max_length=12, choices=Kind.choices)
    amount = models.BigIntegerField()
    # A grant's or hold's own reference and a suffix.
    reference = models.CharField(max_length=255)
    grant = models.ForeignKey(Grant, on_delete=models.PROTECT, related_name="entries")
    hold = models.ForeignKey(
        Hold, null=True, blank=True, on_delete=models.PROTECT, related_name="entries"
    )
    note = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        verbose_name_plural = _("entries")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["reference"], name="entry_once"),
            models.CheckConstraint(
                condition=Q(kind="grant", amount__gt=0)
                | Q(kind__in=["capture", "expire"], amount__lt=0)
                # A refund takes back; a dispute that was won gives that back.
                | Q(kind__in=["refund", "adjustment"]) & ~Q(amount=0),
                name="entry_sign_follows_kind",
            ),
            models.CheckConstraint(
                condition=~Q(kind="capture") | Q(hold__isnull=False),
                name="entry_capture_has_hold",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["wallet", "-id"], name="entry_history"),
            # Entries are appended in the order of their time, so a block range index is tiny.
            BrinIndex(fields=["created_at"], name="entry_lately"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.amount:+}"
