"""Keys that programs identify themselves with. `keys` is the only writer."""

import base64
import secrets
import uuid
from datetime import date, timedelta
from typing import ClassVar

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

WEBHOOK_PREFIX = "whsec_"


class Scope(models.TextChoices):
    """What a key may be used for."""

    GENERATE = "generate", _("Make pictures")
    READ = "read", _("Look at its jobs and pictures")
    ACCOUNT = "account", _("See the balance and usage")


class Window(models.TextChoices):
    """How long a budget lasts before it starts anew. Days are those of UTC, weeks begin on Monday."""

    DAY = "day", pgettext_lazy("budget", "a day")
    WEEK = "week", pgettext_lazy("budget", "a week")
    MONTH = "month", pgettext_lazy("budget", "a month")
    TOTAL = "total", pgettext_lazy("budget", "in all")

    def start(self, day: date) -> date:
        """The first day of the window that `day` lies in."""
        starts = {
            Window.DAY: day,
            Window.WEEK: day - timedelta(days=day.weekday()),
            Window.MONTH: day.replace(day=1),
            Window.TOTAL: date.min,
        }
        return starts[self]


class Pays(models.TextChoices):
    """What the key's pictures are paid with, by the names of the wallets."""

    CREDITS = "credits", _("API credits")
    GPU_MS = "gpu_ms", _("The plan’s minutes")


def new_webhook_secret() -> str:
    """As Standard Webhooks has them: their libraries take it as it stands."""
    return f"{WEBHOOK_PREFIX}{base64.b64encode(secrets.token_bytes(24)).decode()}"


class ApiKeyQuerySet(models.QuerySet["ApiKey"]):
    def live(self) -> "ApiKeyQuerySet":
        """Those that open a door now."""
        unexpired = Q(expires_at=None) | Q(expires_at__gt=timezone.now())
        return self.filter(unexpired, revoked_at=None, user__is_active=True)


class ApiKey(models.Model):
    """A key of a user's. The key itself is kept nowhere: `digest` is its SHA-256, `prefix` its beginning.

    `budget` is in thousandths of a credit or in milliseconds, as it `pays_in`; None is without one. No
    `checkpoints` are all of them. Webhooks are signed with `webhook_secret`, which opens nothing here.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="api_keys"
    )
    name = models.CharField(_("name"), max_length=60)
    prefix = models.CharField(max_length=16, editable=False)
    digest = models.CharField(max_length=64, editable=False)
    scopes = ArrayField(models.CharField(max_length=10, choices=Scope.choices))
    pays_in = models.CharField(max_length=10, choices=Pays.choices, default=Pays.CREDITS)
    budget = models.PositiveBigIntegerField(null=True, blank=True)
    window = models.CharField(max_length=5, choices=Window.choices, default=Window.MONTH)
    checkpoints = ArrayField(models.CharField(max_length=100), default=list, blank=True)
    max_pixels = models.PositiveIntegerField(null=True, blank=True)
    # Settings that a program's wire lets it keep on the server, such as the model it chose.
    options = models.JSONField(default=dict, blank=True)
    webhook_secret = models.CharField(max_length=60, default=new_webhook_secret, editable=False)
    expires_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = ApiKeyQuerySet.as_manager()

    class Meta:
        verbose_name = _("API key")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["digest"], name="api_key_once"),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix})"

    @property
    def is_live(self) -> bool:
        return self.revoked_at is None and not self.has_expired

    @property
    def has_expired(self) -> bool:
        return self.expires_at is not None and self.expires_at <= timezone.now()

    @property
    def pays_in_credits(self) -> bool:
        return self.pays_in == Pays.CREDITS

    @property
    def webhook_key(self) -> bytes:
        """What webhooks are signed with."""
        return base64.b64decode(self.webhook_secret.removeprefix(WEBHOOK_PREFIX))

    def may(self, scope: Scope) -> bool:
        return scope in self.scopes
