"""Removing what a person made: the files first, so that whoever breaks off finds the rows again."""

from typing import TYPE_CHECKING

from accounts.deletion import NotYet
from generation import jobs
from generation.images import storage, uploads
from generation.models import Image, Job, Upload

if TYPE_CHECKING:
    from accounts.models import User

# Rows that one statement takes, so that none of them lasts long.
AT_ONCE = 200


def erase(user: "User") -> None:
    """Remove the user's jobs, and all pictures with their files. Safe to repeat.

    Raises NotYet while a worker still has one of the jobs: it stops at its next step.
    """
    jobs.cancel_all(user)
    if Job.objects.for_user(user).active().exists():
        raise NotYet("a job is still running")
    while images := list(Image.objects.for_user(user)[:AT_ONCE]):
        for image in images:
            storage.remove(image)
        Image.objects.filter(pk__in=[image.pk for image in images]).delete()
    while unneeded := list(Upload.objects.filter(user=user)[:AT_ONCE]):
        uploads.remove(unneeded)
    while ids := list(Job.objects.for_user(user).values_list("pk", flat=True)[:AT_ONCE]):
        Job.objects.filter(pk__in=ids).delete()
