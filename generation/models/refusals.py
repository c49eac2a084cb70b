"""What was asked for and not made."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from generation.models.jobs import Job


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
