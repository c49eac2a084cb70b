"""Users, outgoing emails, the record of emails sent once, and data exports."""

import uuid
from datetime import timedelta
from typing import Any, ClassVar

from django.conf import settings
from django.contrib.auth.models import AbstractUser, BaseUserManager
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts import signals
from accounts.due import Due, DueQuerySet
from accounts.key_models import ApiKey, Pays, Scope, Window

__all__ = [
    "EXPORT_ACTIVE",
    "ApiKey",
    "Export",
    "Mail",
    "Pays",
    "Scope",
    "Theme",
    "Told",
    "User",
    "UserManager",
    "Window",
]


class UserManager(BaseUserManager["User"]):
    use_in_migrations = True

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        user = self.model(email=self.normalize_email(email).lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)


class Theme(models.TextChoices):
    SYSTEM = "system", _("As the device")
    LIGHT = "light", _("Light")
    DARK = "dark", _("Dark")


class User(AbstractUser):
    """A user, who signs in by email address; user names do not exist."""

    # A change of these fields may end the user's sessions.
    ACCESS: ClassVar = ("password", "is_active")

    username = None  # type: ignore[assignment]  # removes the inherited column
    email = models.EmailField(_("e-mail address"), unique=True)
    language = models.CharField(
        _("language"), max_length=10, blank=True, choices=settings.LANGUAGES
    )
    theme = models.CharField(_("theme"), max_length=10, choices=Theme.choices, default=Theme.SYSTEM)
    # Names of time zones: the user's choice, and the one that the browser was last in.
    time_zone = models.CharField(_("time zone"), max_length=63, blank=True, db_default="")
    browser_time_zone = models.CharField(max_length=63, blank=True, editable=False, db_default="")
    # The studio form's saved defaults by field name; missing fields default to the checkpoint's.
    studio_defaults = models.JSONField(default=dict, blank=True)
    # When the user deleted the account, and when its erasure was complete.
    closed_at = models.DateTimeField(null=True, blank=True, editable=False)
    erased_at = models.DateTimeField(null=True, blank=True, editable=False)

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    objects: ClassVar[UserManager] = UserManager()  # type: ignore[assignment]  # it wants no user name

    class Meta(AbstractUser.Meta):
        indexes: ClassVar = [
            models.Index(
                fields=["closed_at"],
                name="user_to_erase",
                condition=Q(closed_at__isnull=False, erased_at=None),
            ),
        ]

    def __str__(self) -> str:
        return self.email

    def save(self, *args: Any, **kwargs: Any) -> None:
        was = self._stored_access(kwargs.get("update_fields"))
        super().save(*args, **kwargs)
        if was is not None and was != self._access():
            signals.send_access_changed(self)

    def _access(self) -> tuple[Any, ...]:
        return tuple(getattr(self, name) for name in self.ACCESS)

    def _stored_access(self, update_fields: Any) -> tuple[Any, ...] | None:
        """The access fields in the database; None if this save cannot change them."""
        if self._state.adding or (
            update_fields is not None and not {*self.ACCESS} & {*update_fields}
        ):
            return None
        return User.objects.filter(pk=self.pk).values_list(*self.ACCESS).first()


class Mail(Due):
    """An email to be sent. `outbox` is the only writer, and removes the row once it is sent."""

    # The last attempt comes after more than a day.
    MAX_ATTEMPTS = 16
    OPEN = Q(attempts__lt=MAX_ATTEMPTS)
    LEASE = timedelta(minutes=2)
    FIRST_RETRY = timedelta(seconds=30)
    LONGEST_RETRY = timedelta(hours=4)

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    # None if the address has no account (any more).
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.CASCADE, related_name="mails"
    )
    to = models.EmailField()
    subject = models.CharField(max_length=200)
    text = models.TextField()
    html = models.TextField()
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    # By the database's clock. A worker that claims the row moves this ahead.
    due_at = models.DateTimeField(db_default=Now())
    attempts = models.PositiveSmallIntegerField(default=0)
    error = models.CharField(max_length=500, blank=True)

    objects = DueQuerySet["Mail"].as_manager()

    class Meta:
        indexes: ClassVar = [models.Index(fields=["due_at"], name="mail_due")]

    def __str__(self) -> str:
        return f"{self.subject} ({self.id})"


class Told(models.Model):
    """The key of an email that a user gets only once."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="told"
    )
    key = models.CharField(max_length=200)
    at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["user", "key"], name="told_once"),
        ]

    def __str__(self) -> str:
        return f"{self.user_id}: {self.key}"


class Export(Due):
    """A zip of all of a user's data, made in the background. `exports` is the only writer."""

    MAX_ATTEMPTS = 3
    OPEN = Q(status__in=["queued", "running"], attempt__lt=MAX_ATTEMPTS)
    ATTEMPTS = "attempt"
    # An export without progress for so long is given to another worker.
    LEASE = timedelta(minutes=2)

    class Status(models.TextChoices):
        QUEUED = "queued", _("Queued")
        RUNNING = "running", _("Running")
        READY = "ready", _("Ready")
        FAILED = "failed", _("Failed")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="exports"
    )
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.QUEUED)
    done = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(default=0)
    # No write of an earlier attempt may follow a later one.
    attempt = models.PositiveSmallIntegerField(default=0)
    # By the database's clock. The worker moves this ahead; once it passes, another may claim the row.
    due_at = models.DateTimeField(db_default=Now())
    # A storage key, never shown to a browser.
    file = models.CharField(max_length=200, blank=True)
    bytes = models.PositiveBigIntegerField(default=0)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField(null=True, blank=True)

    objects = DueQuerySet["Export"].as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["user"],
                condition=Q(status__in=["queued", "running"]),
                name="export_one_at_a_time",
            ),
            models.CheckConstraint(
                condition=~Q(status="ready") | Q(expires_at__isnull=False) & ~Q(file=""),
                name="export_ready_has_file",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["user", "-created_at"], name="export_history"),
            models.Index(
                fields=["expires_at"], name="export_due", condition=Q(expires_at__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.id} {self.status}"

    @property
    def is_active(self) -> bool:
        return self.status in EXPORT_ACTIVE

    @property
    def is_ready(self) -> bool:
        """True if the file can be downloaded now."""
        is_kept = self.expires_at is not None and timezone.now() < self.expires_at
        return self.status == Export.Status.READY and is_kept


EXPORT_ACTIVE = (Export.Status.QUEUED, Export.Status.RUNNING)
