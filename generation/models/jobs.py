"""Jobs and their transitions. `generation.jobs.transitions` is the only writer of `Job.status`."""

import uuid
from datetime import timedelta
from typing import TYPE_CHECKING, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils.functional import cached_property

from accounts.models import ApiKey
from billing.models import Unit
from generation.engine.request import GenerationRequest
from generation.models.failures import BY_REQUEST, WITHOUT_RETRY
from generation.models.pauses import Pause
from generation.models.receipts import Receipt
from generation.models.statuses import ACTIVE, FINAL, UNFINISHED, WAITING, Status

if TYPE_CHECKING:
    from accounts.models import User


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

    def in_progress_or_done(self) -> "JobQuerySet":
        return self.exclude(status__in=(Status.FAILED, Status.CANCELED))

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
    # The job's stretch of the virtual clock of `queue.fair_queue`.
    rank = models.BigIntegerField(default=0)
    rank_end = models.BigIntegerField(default=0)
    queue_weight = models.PositiveSmallIntegerField(default=1)
    # The most jobs of the user that may run at once, this one included.
    jobs_at_once = models.PositiveSmallIntegerField(default=1)
    # The user's plan at submission, for the operator's margin.
    plan = models.CharField(max_length=20, blank=True)
    # Free, and behind all paid jobs: the minutes had run out.
    is_relaxed = models.BooleanField(default=False)

    # Counts the claims, so that an earlier attempt cannot overwrite a later one.
    attempt = models.PositiveSmallIntegerField(default=0)
    # Lost leases of which the job may be the cause.
    lapses = models.PositiveSmallIntegerField(default=0)
    # The worker of this attempt was told to end, so that a lost lease is not the job's fault.
    is_excused = models.BooleanField(default=False, db_default=False)
    worker = models.CharField(max_length=100, blank=True)
    lease_expires_at = models.DateTimeField(null=True, blank=True)
    cancel_requested = models.BooleanField(default=False)
    # Steps made before its run was last taken out, from which it goes on, and why that was.
    paused_step = models.PositiveSmallIntegerField(default=0, db_default=0)
    paused_for = models.CharField(
        max_length=20, choices=Pause.choices, blank=True, default="", db_default=""
    )

    # The job whose run it goes on from.
    branched_from = models.ForeignKey(
        "self",
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="branches",
        db_index=False,
    )

    # GPU milliseconds as measured, or thousandths of a credit at a fixed price.
    unit = models.CharField(max_length=10, choices=Unit.choices, default=Unit.GPU_MS)
    # The key that requested it by API; it counts against the key's budget.
    api_key = models.ForeignKey(
        ApiKey,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="jobs",
        db_index=False,
    )
    # A field, such as medicine, in which the pictures are labeled as synthetic.
    synthetic_for = models.CharField(max_length=100, blank=True)

    quote_ms = models.PositiveBigIntegerField()
    # The highest possible cost.
    hold_ms = models.PositiveBigIntegerField()
    # Without a measurement the quote is a guess, from which no limit of the run may follow.
    has_measured_quote = models.BooleanField(default=False, db_default=False)
    charged_ms = models.PositiveBigIntegerField(null=True, blank=True)
    credits = models.PositiveBigIntegerField(default=0)
    charged_credits = models.PositiveBigIntegerField(null=True, blank=True)
    # Device time of the last attempt, charged or not.
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
            # Covers the sums by day: an index-only scan.
            models.Index(
                fields=["user", "-finished_at", "-id"],
                name="job_usage",
                include=["checkpoint", "api_key", "unit", "charged_ms", "charged_credits"],
                condition=Q(finished_at__isnull=False),
            ),
            models.Index(
                fields=["branched_from"],
                name="job_branches",
                condition=Q(branched_from__isnull=False),
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
            models.Index(
                fields=["user", "finished_at"],
                name="job_failed_of_user",
                condition=Q(status="failed"),
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
    def failed_by_request(self) -> bool:
        """True for a failed job that would fail again, because the request alone decided it."""
        return self.status == Status.FAILED and self.error_code in BY_REQUEST

    @property
    def can_be_retried(self) -> bool:
        """True for a failed job that may succeed the next time."""
        return self.status == Status.FAILED and self.error_code not in WITHOUT_RETRY

    @property
    def is_suspect(self) -> bool:
        """True if it may have ended its worker: it runs alone from then on."""
        return self.lapses > 0

    @property
    def is_paused(self) -> bool:
        """True while it waits to go on from a step that it has made."""
        return self.status == Status.QUEUED and self.paused_step > 0

    @property
    def pays_in_credits(self) -> bool:
        return self.unit == Unit.CREDITS

    @property
    def has_hold(self) -> bool:
        """True if the ledger has, or had, a hold for it. Parked and relaxed jobs have none."""
        return not (self.is_relaxed or self.is_parked)

    @cached_property
    def waited_ms(self) -> int:
        """Milliseconds in the queue before the present attempt began, in all; zero before the first.

        From the second attempt on, the first reading asks the database. A worker has that behind it before it
        hands the job to its engine, whose thread waits for no server.
        """
        if self.started_at is None:
            return 0
        waited = self.started_at - self.queued_at
        if self.attempt > 1:
            waited -= self._ran_before()
        return round(waited.total_seconds() * 1_000)

    def _ran_before(self) -> timedelta:
        """The time between each earlier claim and the next return to the queue."""
        ran, claimed = timedelta(), None
        for became, attempt, at in self.transitions.values_list("became", "attempt", "at"):
            if became == Status.RUNNING and attempt == self.attempt:
                break
            if became == Status.QUEUED and claimed is not None:
                ran += at - claimed
            claimed = at if became == Status.RUNNING else None
        return ran

    @property
    def price(self) -> int:
        """The amount of its hold, in its unit."""
        return self.credits if self.pays_in_credits else self.hold_ms

    @property
    def charged(self) -> int | None:
        """The charge in its unit; None before the end."""
        return self.charged_credits if self.pays_in_credits else self.charged_ms

    @property
    def hold_reference(self) -> str:
        return f"job:{self.pk}"

    @property
    def steps_made(self) -> int:
        """The last denoising step of a job that has ended; before, the one from which it goes on.

        It counts from the beginning of the picture, which another job may have made.
        """
        request = self.generation_request
        if not self.is_final:
            return self.paused_step or request.origin_step
        if self.status == Status.SUCCEEDED:
            return request.evaluations
        receipt = self.parsed_receipt
        own = min(len(receipt.steps), request.own_evaluations) if receipt else 0
        return request.origin_step + own

    @property
    def parsed_receipt(self) -> Receipt | None:
        """The receipt; None before the end."""
        return Receipt.from_dict(self.receipt) if self.receipt else None

    @property
    def generation_request(self) -> GenerationRequest:
        return GenerationRequest.stored(self.request)


class Transition(models.Model):
    """One change of a job's status."""

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
