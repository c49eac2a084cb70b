"""Removal of a person's jobs, pictures, kept states and uploads; files first, so that a retry finds their rows."""

from typing import Any

from django.dispatch import receiver

from accounts.deletion import NotYet
from accounts.models import User
from accounts.signals import erasing
from generation import jobs
from generation.images import kept_states, storage, uploads
from generation.models import Image, Job, KeptState, KeptStateQuerySet, Upload

# Rows for each statement, to keep every statement short.
AT_ONCE = 200


def erase(user: User) -> None:
    """Remove the user's jobs, pictures, kept states and uploads with their files. Safe to repeat.

    Raises NotYet while a worker still runs one of the jobs, which stops at its next step, or if files cannot be deleted.
    """
    jobs.cancel_all(user)
    if Job.objects.for_user(user).active().exists():
        raise NotYet("a job is still running")
    while images := list(Image.objects.for_user(user)[:AT_ONCE]):
        _remove_states(KeptState.objects.filter(image__in=images))
        for image in images:
            storage.remove(image)
        Image.objects.filter(pk__in=[image.pk for image in images]).delete()
    while unneeded := list(Upload.objects.filter(user=user)[:AT_ONCE]):
        uploads.remove(unneeded)
    while ids := list(Job.objects.for_user(user).values_list("pk", flat=True)[:AT_ONCE]):
        _remove_states(KeptState.objects.filter(job__in=ids))
        Job.objects.filter(pk__in=ids).delete()


def _remove_states(states: KeptStateQuerySet) -> None:
    """Raises NotYet if the store refuses."""
    kept_states.remove(states)
    if states.all().exists():
        raise NotYet("the files of kept states stay")


@receiver(erasing)
def erase_with_account(user: User, **kwargs: Any) -> None:
    erase(user)
