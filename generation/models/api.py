"""What is kept of requests by API: what keys spent, which job answers which request, calls, webhooks."""

import uuid
from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import ApiKey
from generation.models.jobs import Job


class KeyDay(models.Model):
    """What a key's jobs of one day cost, or may still cost. `budgets` is the only writer.

    One row a day, so that asking what is left of a budget costs the same after a million jobs.
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
    """A job that was asked for with a key. The same request again, by `token` or `digest`, is the same job.

    `token` is what the client calls it (an Idempotency-Key), `digest` the SHA-256 of what it sent. For
    more pictures than one job makes there are several: the `rest` have neither, and are found by the `first`.
    """

    job = models.OneToOneField("generation.Job", on_delete=models.CASCADE, related_name="order")
    api_key = models.ForeignKey(ApiKey, on_delete=models.CASCADE, related_name="orders")
    token = models.CharField(max_length=255, blank=True)
    digest = models.CharField(max_length=64)
    webhook_url = models.CharField(max_length=500, blank=True)
    first = models.ForeignKey("self", null=True, on_delete=models.CASCADE, related_name="rest")
    created_at = models.DateTimeField(auto_now_add=True)

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
        """All that the request asked for, in the order of their pictures."""
        return [self.job, *(each.job for each in sorted(self.rest.all(), key=lambda each: each.pk))]


class Call(models.Model):
    """One request that came with a key, and how it was answered, for its owner to look at."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    api_key = models.ForeignKey(ApiKey, on_delete=models.CASCADE, related_name="calls")
    method = models.CharField(max_length=10)
    path = models.CharField(max_length=200)
    status = models.PositiveSmallIntegerField()
    code = models.CharField(max_length=60, blank=True)
    ms = models.PositiveIntegerField()
    job = models.ForeignKey(
        "generation.Job", null=True, on_delete=models.SET_NULL, related_name="calls"
    )
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
        """Those that the request was about: one mostly, or none."""
        if self.job is None:
            return []
        order: Order | None = getattr(self.job, "order", None)
        return order.jobs if order else [self.job]


class Delivery(models.Model):
    """What is to be told to a program's own address about one of its jobs. `webhooks` is the only writer."""

    class Status(models.TextChoices):
        WAITING = "waiting", _("Waiting")
        DELIVERED = "delivered", _("Delivered")
        FAILED = "failed", _("Given up")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    api_key = models.ForeignKey(ApiKey, on_delete=models.CASCADE, related_name="deliveries")
    job = models.ForeignKey("generation.Job", on_delete=models.CASCADE, related_name="deliveries")
    url = models.CharField(max_length=500)
    event = models.CharField(max_length=40)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.WAITING)
    attempts = models.PositiveSmallIntegerField(default=0)
    # By the database's clock. A worker that sends it moves this on first.
    due_at = models.DateTimeField(db_default=Now())
    # What the last try was answered with, or why there was no answer.
    answer = models.PositiveSmallIntegerField(null=True)
    error = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

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
