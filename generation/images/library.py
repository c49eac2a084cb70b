"""Keep, favour, delete, restore, remove: the only writer of pictures' rows."""

import logging
from collections.abc import Collection, Iterable
from functools import partial
from typing import TYPE_CHECKING
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from accounts import bells
from generation.images import search_terms, storage
from generation.images.storage import StoredPicture
from generation.models import KEPT_IN_TRASH, Image, ImageQuerySet, Job

if TYPE_CHECKING:
    from accounts.models import User

log = logging.getLogger(__name__)

# Rows that one sweep takes at a time; their files are deleted one by one.
SWEPT_AT_ONCE = 100


class NotYours(Exception):
    """Some of the pictures are not the user's, or are gone. Nothing was written."""


def keep(job: Job, stored: Iterable[StoredPicture]) -> None:
    """Write the rows of a job's pictures, inside the caller's transaction."""
    request = job.generation_request
    images = [
        Image(
            job=job,
            user_id=job.user_id,
            index=picture.index,
            seed=picture.seed,
            width=picture.width,
            height=picture.height,
            prompt=request.prompt,
            checkpoint=request.checkpoint,
            file=picture.file,
            thumbnail=picture.thumbnail,
            bytes=picture.bytes,
            digest=picture.digest,
        )
        for picture in stored
    ]
    for image in images:
        image.terms = search_terms.of_image(image)
    Image.objects.bulk_create(images)


def set_favorite(user: "User", ids: Collection[UUID], *, favorite: bool) -> None:
    """Make them the user's favourites, or no longer. Raises NotYours."""
    change = search_terms.with_term if favorite else search_terms.without_term
    with transaction.atomic():
        require_own(user, ids)
        images = Image.objects.for_user(user).filter(pk__in=ids)
        images.update(favourite=favorite, terms=change(search_terms.FAVORITE))


def delete(user: "User", ids: Collection[UUID]) -> None:
    """Put them in the trash. One that is there stays as it is. Raises NotYours."""
    with transaction.atomic():
        require_own(user, ids)
        images = Image.objects.for_user(user).kept().filter(pk__in=ids)
        images.update(deleted_at=timezone.now())


def restore(user: "User", ids: Collection[UUID]) -> None:
    """Take them out of the trash, as they were. Raises NotYours, also for what is removed for good."""
    with transaction.atomic():
        require_own(user, ids)
        Image.objects.for_user(user).deleted().filter(pk__in=ids).update(deleted_at=None)


def remove(user: "User", ids: Collection[UUID] | None = None) -> None:
    """Have these pictures in the trash, or all, removed for good by the next sweep. Raises NotYours."""
    long_ago = timezone.now() - KEPT_IN_TRASH
    with transaction.atomic():
        images = Image.objects.for_user(user).deleted()
        if ids is not None:
            require_own(user, ids)
            images = images.filter(pk__in=ids)
        images.update(deleted_at=long_ago)
        transaction.on_commit(partial(bells.ring, "generation.sweep"))


def sweep() -> int:
    """Remove the files and rows of what has been in the trash for long enough; returns how many.

    Files go first, so that a sweep that breaks off finds the row again. What the store won't delete is
    left for the next time. Two at once do the same work twice.
    """
    removed, refused = 0, set[UUID]()
    while due := _due(besides=refused):
        for image in due:
            try:
                storage.remove(image)
            except OSError:
                log.exception("the files of picture %s stay", image.pk)
                refused.add(image.pk)
        gone = {image.pk for image in due} - refused
        Image.objects.filter(pk__in=gone).delete()
        removed += len(gone)
    return removed


def require_own(user: "User", ids: Collection[UUID]) -> None:
    """Raises NotYours unless all of them are pictures of the user that are kept or in the trash."""
    lasting = Image.objects.for_user(user).filter(pk__in=ids)
    due = lasting.filter(deleted_at__lte=timezone.now() - KEPT_IN_TRASH)
    if lasting.count() - due.count() != len(set(ids)):
        raise NotYours


def _due(*, besides: Collection[UUID]) -> ImageQuerySet:
    due = Image.objects.filter(deleted_at__lte=timezone.now() - KEPT_IN_TRASH)
    return due.exclude(pk__in=besides).order_by("deleted_at")[:SWEPT_AT_ONCE]
