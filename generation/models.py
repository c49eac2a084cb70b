"""Jobs and the pictures that they made. `jobs` is the only writer of `Job.status`."""

import uuid
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, ClassVar

from django.conf import settings
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVectorField
from django.db import models
from django.db.models import Case, F, Q, Value, When
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import ApiKey
from billing.models import Unit
from generation import (  # noqa: F401  # Django finds models by way of this module
    api_models,
    gallery_models,
)
from generation.engine.request import GenerationRequest
from generation.engine.vocabulary import Mode
from generation.receipts import Receipt

if TYPE_CHECKING:
    from accounts.models import User


class Status(models.TextChoices):
    PARKED = "parked", _("Parked")
    QUEUED = "queued", _("Queued")
    RUNNING = "running", _("Running")
    SUCCEEDED = "succeeded", _("Finished")
    FAILED = "failed", _("Failed")
    CANCELED = "canceled", _("Canceled")


ACTIVE = (Status.QUEUED, Status.RUNNING)
# In line, or parked until there are minutes for it.
WAITING = (Status.PARKED, Status.QUEUED)
UNFINISHED = (Status.PARKED, *ACTIVE)
FINAL = (Status.SUCCEEDED, Status.FAILED, Status.CANCELED)
MOVES: dict[Status, tuple[Status, ...]] = {
    Status.PARKED: (Status.QUEUED, Status.CANCELED),
    Status.QUEUED: (Status.RUNNING, Status.CANCELED),
    Status.RUNNING: (Status.QUEUED, Status.SUCCEEDED, Status.FAILED, Status.CANCELED),
    Status.SUCCEEDED: (),
    Status.FAILED: (),
    Status.CANCELED: (),
}


# How long a deleted picture can be brought back.
KEPT_IN_TRASH = timedelta(days=30)


class JobQuerySet(models.QuerySet["Job"]):
    def parked(self) -> "JobQuerySet":
        return self.filter(status=Status.PARKED)

    def waiting(self) -> "JobQuerySet":
        return self.filter(status__in=WAITING)

    def unfinished(self) -> "JobQuerySet":
        return self.filter(status__in=UNFINISHED)

    def queued(self) -> "JobQuerySet":
        return self.filter(status=Status.QUEUED)

    def running(self) -> "JobQuerySet":
        return self.filter(status=Status.RUNNING)

    def active(self) -> "JobQuerySet":
        return self.filter(status__in=ACTIVE)

    def for_user(self, user: "User") -> "JobQuerySet":
        return self.filter(user=user)


class Job(models.Model):
    """One request of one user, from submission to receipt. The row is the truth; messages are hints."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="jobs"
    )
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.QUEUED)
    request = models.JSONField()
    checkpoint = models.CharField(max_length=100)
    # Where it stands in line, on the virtual clock of `fairness`; it takes the line up to `rank_end`.
    rank = models.BigIntegerField(default=0)
    rank_end = models.BigIntegerField(default=0)
    queue_weight = models.PositiveSmallIntegerField(default=1)
    # Jobs of the user that may run beside each other when this one is claimed, itself included.
    jobs_at_once = models.PositiveSmallIntegerField(default=1)
    # The plan that it was asked for under, for the operator's books.
    plan = models.CharField(max_length=20, blank=True)
    # Goes after everybody's paid work and costs nothing: the minutes had run out.
    is_relaxed = models.BooleanField(default=False)

    # Counts the claims: no write of an earlier one may follow a later one. `lapses` counts lost leases.
    attempt = models.PositiveSmallIntegerField(default=0)
    lapses = models.PositiveSmallIntegerField(default=0)
    worker = models.CharField(max_length=100, blank=True)
    lease_expires_at = models.DateTimeField(null=True, blank=True)
    cancel_requested = models.BooleanField(default=False)

    # What it is paid in: GPU milliseconds as measured, or thousandths of a credit at a fixed price.
    unit = models.CharField(max_length=10, choices=Unit.choices, default=Unit.GPU_MS)
    # Whose budget it counts against, if it was asked for by API.
    api_key = models.ForeignKey(
        ApiKey,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="jobs",
        db_index=False,
    )
    # The field, if any, in which what it makes must not be taken for real: medicine, say.
    synthetic_for = models.CharField(max_length=100, blank=True)

    quote_ms = models.PositiveBigIntegerField()
    # The most GPU time that it can cost.
    hold_ms = models.PositiveBigIntegerField()
    charged_ms = models.PositiveBigIntegerField(null=True, blank=True)
    credits = models.PositiveBigIntegerField(default=0)
    charged_credits = models.PositiveBigIntegerField(null=True, blank=True)
    # How long the device worked for the attempt that ended it, whoever pays.
    device_ms = models.PositiveBigIntegerField(null=True, blank=True)
    receipt = models.JSONField(null=True, blank=True)
    error_code = models.CharField(max_length=40, blank=True)
    error = models.CharField(max_length=500, blank=True)

    created_at = models.DateTimeField(auto_now_add=True)
    queued_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    objects = JobQuerySet.as_manager()

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["user", "-created_at", "-id"], name="job_history"),
            models.Index(
                fields=["is_relaxed", "rank"], name="job_line", condition=Q(status="queued")
            ),
            models.Index(
                fields=["checkpoint", "is_relaxed", "rank"],
                name="job_line_warm",
                condition=Q(status="queued"),
            ),
            models.Index(
                fields=["queued_at"],
                name="job_relaxed",
                condition=Q(status="queued", is_relaxed=True),
            ),
            models.Index(
                fields=["is_relaxed", "rank"],
                name="job_active_line",
                condition=Q(status__in=["queued", "running"]),
            ),
            models.Index(fields=["is_relaxed", "rank_end"], name="job_line_end"),
            models.Index(fields=["user"], name="job_parked", condition=Q(status="parked")),
            models.Index(
                fields=["finished_at"],
                name="job_finished",
                condition=Q(finished_at__isnull=False),
            ),
            models.Index(
                fields=["lease_expires_at"], name="job_leases", condition=Q(status="running")
            ),
            models.Index(
                fields=["user"], name="job_active", condition=Q(status__in=["queued", "running"])
            ),
            # Holds all that the days' sums need.
            models.Index(
                fields=["user", "-finished_at", "-id"],
                name="job_usage",
                include=["checkpoint", "charged_ms"],
                condition=Q(finished_at__isnull=False),
            ),
            models.Index(fields=["-created_at", "-id"], name="job_recent"),
            models.Index(
                fields=["api_key", "-created_at", "-id"],
                name="job_by_key",
                condition=Q(api_key__isnull=False),
            ),
            models.Index(
                fields=["-created_at", "-id"], name="job_failed", condition=Q(status="failed")
            ),
        ]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=~Q(status="running") | Q(lease_expires_at__isnull=False),
                name="job_running_has_lease",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.id} {self.status}"

    def get_absolute_url(self) -> str:
        return reverse("job", args=[self.pk])

    @property
    def is_active(self) -> bool:
        return self.status in ACTIVE

    @property
    def is_final(self) -> bool:
        return self.status in FINAL

    @property
    def is_parked(self) -> bool:
        return self.status == Status.PARKED

    @property
    def pays_in_credits(self) -> bool:
        return self.unit == Unit.CREDITS

    @property
    def has_hold(self) -> bool:
        """Whether something is, or was, set aside for it; nothing is for a parked or relaxed job."""
        return not (self.is_relaxed or self.is_parked)

    @property
    def price(self) -> int:
        """What is set aside for it, in its unit."""
        return self.credits if self.pays_in_credits else self.hold_ms

    @property
    def hold_reference(self) -> str:
        return f"job:{self.pk}"

    @property
    def parsed_receipt(self) -> Receipt | None:
        """What the job cost and why; None until it has ended."""
        return Receipt.from_dict(self.receipt) if self.receipt else None

    @property
    def generation_request(self) -> GenerationRequest:
        return GenerationRequest.stored(self.request)


class Transition(models.Model):
    """One move of a job from status to status."""

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="transitions")
    was = models.CharField(max_length=10, choices=Status.choices, blank=True)
    became = models.CharField(max_length=10, choices=Status.choices)
    attempt = models.PositiveSmallIntegerField()
    note = models.CharField(max_length=200, blank=True)
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar = ["at", "id"]

    def __str__(self) -> str:
        return f"{self.was or 'new'} -> {self.became}"


class Shape(models.TextChoices):
    SQUARE = "square", _("Square")
    PORTRAIT = "portrait", _("Portrait")
    LANDSCAPE = "landscape", _("Landscape")

    @classmethod
    def of(cls, width: int, height: int) -> "Shape":
        if width == height:
            return cls.SQUARE
        return cls.PORTRAIT if width < height else cls.LANDSCAPE


class ImageQuerySet(models.QuerySet["Image"]):
    def kept(self) -> "ImageQuerySet":
        return self.filter(deleted_at=None)

    def deleted(self) -> "ImageQuerySet":
        """In the trash, until `pictures.sweep` removes them for good."""
        return self.filter(deleted_at__gt=timezone.now() - KEPT_IN_TRASH)

    def for_user(self, user: "User") -> "ImageQuerySet":
        return self.filter(user=user)


class Image(models.Model):
    """One picture. `file` and `thumbnail` are storage keys, never shown to a browser.

    What the gallery filters by is copied from the job, so that no filter needs a join. `pictures` is the
    only writer, because `terms` has to follow the other columns.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="images")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="images"
    )
    index = models.PositiveSmallIntegerField()
    seed = models.PositiveBigIntegerField()
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    shape = models.GeneratedField(
        expression=Case(
            When(width=F("height"), then=Value(Shape.SQUARE.value)),
            When(width__lt=F("height"), then=Value(Shape.PORTRAIT.value)),
            default=Value(Shape.LANDSCAPE.value),
        ),
        output_field=models.CharField(max_length=10, choices=Shape.choices),
        db_persist=True,
    )
    prompt = models.TextField()
    checkpoint = models.CharField(max_length=100)
    favourite = models.BooleanField(default=False)
    terms = SearchVectorField()
    file = models.CharField(max_length=200)
    thumbnail = models.CharField(max_length=200)
    bytes = models.PositiveBigIntegerField()
    # The SHA-256 of `file`: how a picture that comes back is known again.
    digest = models.CharField(max_length=64, blank=True)
    # Not auto_now_add: `terms` names the month.
    created_at = models.DateTimeField(default=timezone.now)
    deleted_at = models.DateTimeField(null=True, blank=True)

    objects = ImageQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["job", "index"], name="image_one_per_index"),
        ]
        # One walk, newest first, for each filter; any two of them, and words, meet in `image_terms`.
        indexes: ClassVar = [
            models.Index(
                fields=["user", "-created_at", "-id"],
                name="image_gallery",
                condition=Q(deleted_at=None),
            ),
            models.Index(
                fields=["user", "-created_at", "-id"],
                name="image_favourites",
                condition=Q(deleted_at=None, favourite=True),
            ),
            models.Index(
                fields=["user", "checkpoint", "-created_at", "-id"],
                name="image_by_checkpoint",
                condition=Q(deleted_at=None),
            ),
            models.Index(
                fields=["user", "shape", "-created_at", "-id"],
                name="image_by_shape",
                condition=Q(deleted_at=None),
            ),
            # Without fastupdate every search would read through all that was added lately.
            GinIndex(
                fields=["terms"],
                name="image_terms",
                condition=Q(deleted_at=None),
                fastupdate=False,
            ),
            models.Index(
                fields=["user", "-deleted_at", "-id"],
                name="image_trash",
                condition=Q(deleted_at__isnull=False),
            ),
            models.Index(
                fields=["deleted_at"], name="image_sweep", condition=Q(deleted_at__isnull=False)
            ),
            models.Index(fields=["-created_at", "-id"], name="image_recent"),
            models.Index(fields=["digest"], name="image_digest", condition=~Q(digest="")),
        ]

    def __str__(self) -> str:
        return f"{self.job_id} #{self.index}"

    def get_absolute_url(self) -> str:
        return reverse("image", args=[self.pk])

    @property
    def again_url(self) -> str:
        """The studio with this picture's settings and seed."""
        return f"{reverse('studio')}?image={self.pk}"

    @property
    def variation_url(self) -> str:
        """The studio, to start from this picture and its words: where "Variation" leads."""
        return f"{reverse('studio')}?from={self.pk}&mode=image_to_image"

    @property
    def removed_at(self) -> datetime | None:
        """When a deleted picture is removed for good."""
        return self.deleted_at and self.deleted_at + KEPT_IN_TRASH


class Upload(models.Model):
    """A picture that a person brought along, as `uploads` stored it; requests name it by `digest`."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="uploads"
    )
    digest = models.CharField(max_length=64)
    file = models.CharField(max_length=200)
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    bytes = models.PositiveBigIntegerField()
    created_at = models.DateTimeField(auto_now_add=True)
    used_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["user", "digest"], name="upload_once_a_user"),
        ]
        indexes: ClassVar = [models.Index(fields=["used_at"], name="upload_purge")]

    def __str__(self) -> str:
        return f"{self.user_id} {self.digest[:12]}"


class StudioPreset(models.Model):
    """Settings of the studio that a person keeps under a name. `values` are its form's fields."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="studio_presets"
    )
    name = models.CharField(_("name"), max_length=60)
    values = models.JSONField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar = ["name"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["user", "name"], name="studio_preset_name_once"),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return f"{reverse('studio')}?own={self.pk}"


class Stage(models.TextChoices):
    PROMPT = "prompt", _("Prompt")
    PICTURE = "picture", _("Picture")


class Refusal(models.Model):
    """What was asked for and not made, for the operator; `safety` writes it.

    The prompt is kept only where the operator's setting says so.
    """

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="refusals"
    )
    job = models.ForeignKey(
        Job, null=True, blank=True, on_delete=models.CASCADE, related_name="refusals"
    )
    stage = models.CharField(max_length=10, choices=Stage.choices)
    category = models.CharField(max_length=20)
    prompt = models.TextField(blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["-created_at", "-id"], name="refusal_newest")]

    def __str__(self) -> str:
        return f"{self.stage}: {self.category}"


class Speed(models.Model):
    """What the quote learned from finished runs of a checkpoint, in one mode, on a kind of device."""

    checkpoint = models.CharField(max_length=100)
    mode = models.CharField(max_length=20, default=Mode.TEXT_TO_IMAGE.value)
    device = models.CharField(max_length=100)
    ms_per_step_megapixel = models.FloatField()
    overhead_ms = models.FloatField()
    # By what part of the measured time the quote was wrong, either way: an average over recent runs.
    error = models.FloatField(default=0)
    samples = models.PositiveIntegerField(default=0)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["checkpoint", "mode", "device"], name="speed_one_per_mode"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.checkpoint} on {self.device}: {self.ms_per_step_megapixel:.0f} ms"


class Uptime(models.Model):
    """How long devices of a kind were there to work on a day, whether they worked or not."""

    device = models.CharField(max_length=100)
    day = models.DateField()
    ms = models.PositiveBigIntegerField(default=0)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["day", "device"], name="uptime_once_a_day"),
        ]
        verbose_name = verbose_name_plural = _("margin")

    def __str__(self) -> str:
        return f"{self.device}, {self.day}: {self.ms} ms"
