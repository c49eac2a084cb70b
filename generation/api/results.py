"""What became of jobs, for wires that answer once they have ended: their pictures, or why there are none."""

from django.utils.translation import gettext as _

from generation import moderation
from generation.api import errors
from generation.api.errors import ApiError
from generation.models import Image, Job, Status


def pictures_of(*jobs: Job) -> list[Image]:
    """What the jobs of one request made, in their order, if their owner has kept it. Raises Refusal.

    Some of several may have failed: what the others made is paid for, and is delivered.
    """
    for job in jobs:
        if not job.is_final:
            raise not_made(job)
    places = {job.pk: place for place, job in enumerate(jobs) if job.status == Status.SUCCEEDED}
    if not places:
        raise not_made(jobs[0])
    images = Image.objects.filter(job__in=places, deleted_at=None).select_related("job")
    if found := list(images.defer("terms")):
        return sorted(found, key=lambda image: (places[image.job_id], image.index))
    raise errors.not_found(_("These pictures are not here any more."))


def not_made(job: Job) -> ApiError:
    """Why a job that did not succeed has no pictures."""
    if job.status == Status.FAILED:
        is_blocked = job.error_code == moderation.BLOCKED
        return ApiError(400 if is_blocked else 500, job.error_code or "failed", _(job.error))
    if job.status == Status.CANCELED:
        return ApiError(400, "canceled", _("This picture was canceled."))
    return ApiError(504, "timeout", _("This takes longer than anybody waits. Ask again."))
