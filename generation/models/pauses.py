"""Reasons for taking a job out of its run, to go on later from the step that it had reached."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class Pause(models.TextChoices):
    PAID_FIRST = "paid_first", _("It made room for a paid picture.")
    SMALL_FIRST = "small_first", _("It made room for a small picture that had been waiting.")
    WORKER_ENDED = "worker_ended", _("Its machine was shut down.")
    WORKER_LOST = "worker_lost", _("We lost contact with its machine.")
