"""States of ended runs, from which new jobs go on."""

import uuid
from typing import TYPE_CHECKING, ClassVar

from django.conf import settings
from django.db import models
from django.urls import reverse
from django.utils import timezone

from generation.engine.request import GenerationRequest
from generation.models.jobs import Job
from generation.models.pictures import Image

if TYPE_CHECKING:
    from accounts.models import User


class KeptStateQuerySet(models.QuerySet["KeptState"]):
    def for_user(self, user: "User") -> "KeptStateQuerySet":
        return self.filter(user=user)

    def live(self) -> "KeptStateQuerySet":
        return self.filter(expires_at__gt=timezone.now())

    def drafts(self) -> "KeptStateQuerySet":
        return self.filter(image=None)


class KeptState(models.Model):
    """One picture's run after `step` forward passes: that of a finished `image`, or a draft without one.

    `file` and `preview` are storage keys; only drafts have a preview. Requests name the state by `digest`, the
    SHA-256 of its file. `images.kept_states` is the only writer.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="kept_states"
    )
    # Restricted: a row that went with its job or picture would leave its file behind.
    job = models.ForeignKey(Job, on_delete=models.RESTRICT, related_name="kept_states")
    image = models.ForeignKey(
        Image, null=True, blank=True, on_delete=models.RESTRICT, related_name="kept_states"
    )
    # The picture's number within the job.
    index = models.PositiveSmallIntegerField()
    step = models.PositiveSmallIntegerField()
    digest = models.CharField(max_length=64)
    file = models.CharField(max_length=200)
    preview = models.CharField(max_length=200, blank=True)
    bytes = models.PositiveBigIntegerField()
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()

    objects = KeptStateQuerySet.as_manager()

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["user", "digest"], name="state_by_digest"),
            models.Index(fields=["user", "-created_at"], name="state_of_user"),
            models.Index(fields=["created_at"], include=["bytes"], name="state_by_age"),
            models.Index(fields=["expires_at"], name="state_sweep"),
        ]

    def __str__(self) -> str:
        return f"{self.job_id} #{self.index} after step {self.step}"

    @property
    def request(self) -> GenerationRequest:
        """The request for its picture alone, with all steps."""
        alone = self.job.generation_request.alone(self.index).to_dict()
        return GenerationRequest.stored({**alone, "draft_steps": 0})

    @property
    def preview_url(self) -> str:
        return reverse("draft_preview", args=[self.pk])
