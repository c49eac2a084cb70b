"""Rows of the API: spending by key and day, idempotent requests, the call log and webhooks."""

import uuid
from datetime import timedelta
from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.due import Due, DueQuerySet
from accounts.models import ApiKey
from generation.models.jobs import Job


class KeyDay(models.Model):
    """Cost of a key's jobs on one day, including amounts on hold. `budgets` is the only writer.

    One row a day keeps the sum of a budget cheap after a million jobs.
    """

    api_key = models.ForeignKey(ApiKey, on_delete=models.CASCADE, related_name="days")
    day = models.DateField()
    spent = models.BigIntegerField(default=0)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["api_key", "day"], name="key_day_once"),
            models.CheckConstraint(condition=Q(spent__gte=0), name="key_day_not_below_zero"),
        ]

    def __str__(self) -> str:
        return f"{self.api_key_id} {self.day}: {self.spent}"


class Order(models.Model):
    """A job submitted with a key. A repeated request, by `token` or `digest`, returns the same job.

    `token` is the client's Idempotency-Key, `digest` the SHA-256 of the request. A request for more
    images than one job makes has several orders: the `rest` have no token and point to the `first`.
    """

    job = models.OneToOneField(Job, on_delete=models.CASCADE, related_name="order")
    api_key = models.ForeignKey(ApiKey, on_delete=models.CASCADE, related_name="orders")
    token = models.CharField(max_length=255, blank=True)
    digest = models.CharField(max_length=64)
    webhook_url = models.CharField(max_length=500, blank=True)
    first = models.ForeignKey("self", null=True, on_delete=models.CASCADE, related_name="rest")
    created_at = models.DateTimeField(auto_now_add=True)
    # The whole response has been sent. From then on an SDK's retry with the same body is another request.
    delivered_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["api_key", "token"], condition=~Q(token=""), name="order_once_a_token"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["api_key", "digest", "-created_at"], name="order_again"),
        ]

    def __str__(self) -> str:
        return f"{self.api_key_id} {self.token or self.digest[:12]}"

    @property
    def jobs(self) -> list[Job]:
        """All jobs of the request, in the order of their images."""
        return [self.job, *(each.job for each in sorted(self.rest.all(), key=lambda each: each.pk))]


class Call(models.Model):
    """A request with a valid key, and the status of its response, for the key's owner."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    api_key = models.ForeignKey(ApiKey, on_delete=models.CASCADE, related_name="calls")
    method = models.CharField(max_length=10)
    path = models.CharField(max_length=200)
    status = models.PositiveSmallIntegerField()
    code = models.CharField(max_length=60, blank=True)
    ms = models.PositiveIntegerField()
    job = models.ForeignKey(Job, null=True, on_delete=models.SET_NULL, related_name="calls")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["api_key", "-created_at", "-id"], name="call_newest"),
            models.Index(fields=["created_at"], name="call_sweep"),
        ]

    def __str__(self) -> str:
        return f"{self.method} {self.path}: {self.status}"

    @property
    def jobs(self) -> list[Job]:
        """The jobs of the request; mostly one or none."""
        if self.job is None:
            return []
        order: Order | None = getattr(self.job, "order", None)
        return order.jobs if order else [self.job]


class Delivery(Due):
    """A webhook about the end of a job. `webhook_outbox` adds rows, `webhooks` sends them."""

    class Status(models.TextChoices):
        WAITING = "waiting", _("Waiting")
        DELIVERED = "delivered", _("Delivered")
        FAILED = "failed", _("Given up")

    # The last attempt comes after about two days. `webhooks` closes the row after it: OPEN sets no limit,
    # so that a row whose last worker died is taken once more, and closed.
    MAX_ATTEMPTS = 18
    OPEN = Q(status="waiting")
    LEASE = timedelta(minutes=1)
    FIRST_RETRY = timedelta(seconds=10)
    LONGEST_RETRY = timedelta(hours=6)

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    api_key = models.ForeignKey(ApiKey, on_delete=models.CASCADE, related_name="deliveries")
    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="deliveries")
    url = models.CharField(max_length=500)
    event = models.CharField(max_length=40)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.WAITING)
    attempts = models.PositiveSmallIntegerField(default=0)
    # By the database's clock. A worker claims the row by moving this forward.
    due_at = models.DateTimeField(db_default=Now())
    # The last response's status, or why there was none.
    answer = models.PositiveSmallIntegerField(null=True)
    error = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = DueQuerySet["Delivery"].as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["job", "event"], name="delivery_once_an_event"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["due_at"], name="delivery_due", condition=Q(status="waiting")),
            models.Index(fields=["api_key", "-created_at", "-id"], name="delivery_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.event} to {self.url}: {self.status}"
