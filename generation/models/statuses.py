"""The statuses of a job, and the allowed moves between them."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class Status(models.TextChoices):
    PARKED = "parked", _("Parked")
    QUEUED = "queued", _("Queued")
    RUNNING = "running", _("Running")
    SUCCEEDED = "succeeded", _("Finished")
    FAILED = "failed", _("Failed")
    CANCELED = "canceled", _("Canceled")


ACTIVE = (Status.QUEUED, Status.RUNNING)
# Queued, or parked for lack of minutes.
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
