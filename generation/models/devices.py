"""What is known of devices: how fast they are, and how long they were there."""

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from generation.engine.enums import Mode


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
