"""What became of a job, for wires that answer once it has ended: its pictures, or why there are none."""

from django.utils.translation import gettext as _

from generation import safety
from generation.api import refusals
from generation.api.refusals import Refusal
from generation.models import Image, Job, Status


def pictures_of(job: Job) -> list[Image]:
    """What the job made, if its owner has kept it. Raises Refusal."""
    if job.status != Status.SUCCEEDED:
        raise not_made(job)
    images = job.images.filter(deleted_at=None).select_related("job").defer("terms")
    if found := list(images.order_by("index")):
        return found
    raise refusals.not_found(_("These pictures are not here any more."))


def not_made(job: Job) -> Refusal:
    """Why a job that did not succeed has no pictures."""
    if job.status == Status.FAILED:
        is_blocked = job.error_code == safety.BLOCKED
        return Refusal(400 if is_blocked else 500, job.error_code or "failed", _(job.error))
    if job.status == Status.CANCELED:
        return Refusal(400, "canceled", _("This picture was canceled."))
    return Refusal(504, "timeout", _("This takes longer than anybody waits. Ask again."))
