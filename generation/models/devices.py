"""Measurements of devices: speed and uptime."""

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from generation.engine.enums import Mode


class Speed(models.Model):
    """The average speed of a checkpoint in one mode on one kind of device, for quotes."""

    checkpoint = models.CharField(max_length=100)
    mode = models.CharField(max_length=20, default=Mode.TEXT_TO_IMAGE.value)
    device = models.CharField(max_length=100)
    ms_per_step_megapixel = models.FloatField()
    overhead_ms = models.FloatField()
    # The quotes' average relative error over recent runs, in either direction.
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
    """The uptime of all devices of one kind on one day, busy or idle."""

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
