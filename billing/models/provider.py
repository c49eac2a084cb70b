"""Webhook events of the payment provider, and the objects of the sandbox."""

from datetime import timedelta
from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone

from accounts.due import Due, DueQuerySet


class StripeEvent(Due):
    """A webhook event of any provider, stored once and processed until it works."""

    # These attempts take over a day; an outage of the provider seldom lasts that long.
    MAX_ATTEMPTS = 30
    OPEN = Q(processed_at=None, attempts__lt=MAX_ATTEMPTS)
    DUE_AT = "retry_at"
    ORDER = "received_at"
    # Looked up at each call, so that tests can move it.
    CLOCK = staticmethod(lambda: timezone.now())  # noqa: PLW0108
    FIRST_RETRY = timedelta(seconds=15)
    LONGEST_RETRY = timedelta(hours=1)

    id = models.CharField(primary_key=True, max_length=100)
    type = models.CharField(max_length=100)
    payload = models.JSONField()
    received_at = models.DateTimeField(auto_now_add=True)
    processed_at = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    # The earliest next attempt after a failed one.
    retry_at = models.DateTimeField(null=True, blank=True)
    error = models.TextField(blank=True)

    objects = DueQuerySet["StripeEvent"].as_manager()

    class Meta:
        indexes: ClassVar = [
            models.Index(
                fields=["received_at"],
                name="event_unprocessed",
                condition=models.Q(processed_at=None),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.id}"


class CatchUp(models.Model):
    """The moment up to which missed events were fetched from the provider."""

    provider = models.CharField(primary_key=True, max_length=12)
    until = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.provider} until {self.until:%Y-%m-%d %H:%M}"


class SandboxObject(models.Model):
    """A Stripe-shaped object of the sandbox provider, as JSON."""

    id = models.CharField(primary_key=True, max_length=100)
    type = models.CharField(max_length=40)
    data = models.JSONField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["type", "created_at"], name="sandbox_by_type")]

    def __str__(self) -> str:
        return f"{self.type} {self.id}"
