"""What a job can be, and which moves there are between."""

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
