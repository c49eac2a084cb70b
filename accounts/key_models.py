"""API keys. `keys` is the only writer."""

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
    """Permissions of a key."""

    GENERATE = "generate", _("Make pictures")
    READ = "read", _("Look at its jobs and pictures")
    ACCOUNT = "account", _("See the balance and usage")


class Window(models.TextChoices):
    """The period of a budget. Days are in UTC; weeks begin on Monday."""

    DAY = "day", pgettext_lazy("budget", "a day")
    WEEK = "week", pgettext_lazy("budget", "a week")
    MONTH = "month", pgettext_lazy("budget", "a month")
    TOTAL = "total", pgettext_lazy("budget", "in all")

    def start(self, day: date) -> date:
        """The first day of the window that contains `day`."""
        starts = {
            Window.DAY: day,
            Window.WEEK: day - timedelta(days=day.weekday()),
            Window.MONTH: day.replace(day=1),
            Window.TOTAL: date.min,
        }
        return starts[self]


_CURRENT_WINDOWS = {
    Window.DAY: pgettext_lazy("budget", "today"),
    Window.WEEK: pgettext_lazy("budget", "this week"),
    Window.MONTH: pgettext_lazy("budget", "this month"),
    Window.TOTAL: pgettext_lazy("budget", "in all"),
}


class Pays(models.TextChoices):
    """The wallet that pays for a key's images."""

    CREDITS = "credits", _("API credits")
    GPU_MS = "gpu_ms", _("The plan’s minutes")


def new_webhook_secret() -> str:
    """A secret in the format of Standard Webhooks, whose libraries accept it as it is."""
    return f"{WEBHOOK_PREFIX}{base64.b64encode(secrets.token_bytes(24)).decode()}"


class ApiKeyQuerySet(models.QuerySet["ApiKey"]):
    def live(self) -> "ApiKeyQuerySet":
        """Keys that are accepted now."""
        unexpired = Q(expires_at=None) | Q(expires_at__gt=timezone.now())
        return self.filter(unexpired, revoked_at=None, user__is_active=True)


class ApiKey(models.Model):
    """An API key. The secret is not stored: `digest` is its SHA-256, `prefix` its first characters.

    `budget` is in thousandths of a credit or in milliseconds, as `pays_in` says; None means no budget. An
    empty `checkpoints` allows all. `webhook_secret` signs webhooks, and gives no access to the API.
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
    # For requests that name no checkpoint; empty for the site's.
    default_checkpoint = models.CharField(max_length=100, blank=True, db_default="")
    # Web origins whose pages may use the key, among those of CORS_ORIGINS; empty allows all of these.
    origins = ArrayField(models.CharField(max_length=200), default=list, blank=True, db_default=[])
    # Settings that an API format lets a client keep on the server, such as its model.
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
    def current_window(self) -> str:
        """The budget's window that today is in, for people: "this month"."""
        return str(_CURRENT_WINDOWS[Window(self.window)])

    @property
    def pays_in_credits(self) -> bool:
        return self.pays_in == Pays.CREDITS

    @property
    def webhook_key(self) -> bytes:
        """The decoded webhook secret."""
        return base64.b64decode(self.webhook_secret.removeprefix(WEBHOOK_PREFIX))

    def may(self, scope: Scope) -> bool:
        return scope in self.scopes
