"""Results of ended jobs: their images, or the error to answer with."""

from django.utils.translation import gettext as _

from generation.api import errors
from generation.api.errors import ApiError
from generation.models import Image, Job, Status


def images_of(*jobs: Job) -> list[Image]:
    """The images of one request's jobs in order, without deleted ones. Raises ApiError if none are left.

    If only some jobs failed, the others' images are returned: the customer paid for them.
    """
    for job in jobs:
        if not job.is_final:
            raise error_for(job)
    places = {job.pk: place for place, job in enumerate(jobs) if job.status == Status.SUCCEEDED}
    if not places:
        raise error_for(jobs[0])
    images = Image.objects.filter(job__in=places, deleted_at=None).select_related("job")
    if found := list(images.defer("terms")):
        return sorted(found, key=lambda image: (places[image.job_id], image.index))
    raise errors.not_found(_("These pictures are not here any more."))


def error_for(job: Job) -> ApiError:
    """The error for a job that did not succeed."""
    if job.status == Status.FAILED:
        # Clients send a request again by themselves after a 500, which would be in vain.
        status = 400 if job.failed_by_request else 500
        return ApiError(status, job.error_code or "failed", _(job.error))
    if job.status == Status.CANCELED:
        return ApiError(400, "canceled", _("This picture was canceled."))
    return ApiError(504, "timeout", _("This takes longer than anybody waits. Ask again."))
