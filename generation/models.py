"""Jobs and the pictures that they made. `jobs` is the only writer of `Job.status`."""

import uuid
from typing import TYPE_CHECKING, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from generation.engine.request import GenerationRequest
from generation.receipts import Receipt

if TYPE_CHECKING:
    from accounts.models import User


class Status(models.TextChoices):
    QUEUED = "queued", _("Queued")
    RUNNING = "running", _("Running")
    SUCCEEDED = "succeeded", _("Finished")
    FAILED = "failed", _("Failed")
    CANCELED = "canceled", _("Canceled")


ACTIVE = (Status.QUEUED, Status.RUNNING)
FINAL = (Status.SUCCEEDED, Status.FAILED, Status.CANCELED)
MOVES: dict[Status, tuple[Status, ...]] = {
    Status.QUEUED: (Status.RUNNING, Status.CANCELED),
    Status.RUNNING: (Status.QUEUED, Status.SUCCEEDED, Status.FAILED, Status.CANCELED),
    Status.SUCCEEDED: (),
    Status.FAILED: (),
    Status.CANCELED: (),
}


class JobQuerySet(models.QuerySet["Job"]):
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

    # Counts the claims: no write of an earlier one may follow a later one. `lapses` counts lost leases.
    attempt = models.PositiveSmallIntegerField(default=0)
    lapses = models.PositiveSmallIntegerField(default=0)
    worker = models.CharField(max_length=100, blank=True)
    lease_expires_at = models.DateTimeField(null=True, blank=True)
    cancel_requested = models.BooleanField(default=False)

    # The field, if any, in which what it makes must not be taken for real: medicine, say.
    synthetic_for = models.CharField(max_length=100, blank=True)

    quote_ms = models.PositiveBigIntegerField()
    hold_ms = models.PositiveBigIntegerField()
    charged_ms = models.PositiveBigIntegerField(null=True, blank=True)
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
            models.Index(fields=["rank"], name="job_queue", condition=Q(status="queued")),
            models.Index(
                fields=["checkpoint", "rank"], name="job_queue_warm", condition=Q(status="queued")
            ),
            models.Index(
                fields=["rank"],
                name="job_active_rank",
                condition=Q(status__in=["queued", "running"]),
            ),
            models.Index(fields=["rank_end"], name="job_rank_end"),
            models.Index(
                fields=["lease_expires_at"], name="job_leases", condition=Q(status="running")
            ),
            models.Index(
                fields=["user"], name="job_active", condition=Q(status__in=["queued", "running"])
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


class ImageQuerySet(models.QuerySet["Image"]):
    def kept(self) -> "ImageQuerySet":
        return self.filter(deleted_at=None)

    def for_user(self, user: "User") -> "ImageQuerySet":
        return self.filter(user=user)


class Image(models.Model):
    """One picture. `file` and `thumbnail` are storage keys, never shown to a browser."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="images")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="images"
    )
    index = models.PositiveSmallIntegerField()
    seed = models.PositiveBigIntegerField()
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    file = models.CharField(max_length=200)
    thumbnail = models.CharField(max_length=200)
    bytes = models.PositiveBigIntegerField()
    # The SHA-256 of `file`: how a picture that comes back is known again.
    digest = models.CharField(max_length=64, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    deleted_at = models.DateTimeField(null=True, blank=True)

    objects = ImageQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["job", "index"], name="image_one_per_index"),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["user", "-created_at", "-id"],
                name="image_gallery",
                condition=Q(deleted_at=None),
            ),
            models.Index(fields=["digest"], name="image_digest", condition=~Q(digest="")),
        ]

    def __str__(self) -> str:
        return f"{self.job_id} #{self.index}"

    def get_absolute_url(self) -> str:
        return reverse("image", args=[self.pk])


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
    """What the quote learned from finished runs of a checkpoint on a kind of device."""

    checkpoint = models.CharField(max_length=100)
    device = models.CharField(max_length=100)
    ms_per_step_megapixel = models.FloatField()
    overhead_ms = models.FloatField()
    samples = models.PositiveIntegerField(default=0)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["checkpoint", "device"], name="speed_one_per_device"),
        ]

    def __str__(self) -> str:
        return f"{self.checkpoint} on {self.device}: {self.ms_per_step_megapixel:.0f} ms"
