"""Refused prompts and blocked pictures."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from generation.models.jobs import Job


class Stage(models.TextChoices):
    PROMPT = "prompt", _("Prompt")
    PICTURE = "picture", _("Picture")


class Refusal(models.Model):
    """A refused prompt or a blocked picture, for the operator. `moderation` is the only writer.

    The prompt is kept only with KEEP_REFUSED_PROMPTS.
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
