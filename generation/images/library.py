"""Images: keep, mark as favorite, delete, restore, remove. The only writer of image rows."""

import logging
from collections.abc import Collection, Iterable
from functools import partial
from typing import TYPE_CHECKING
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from accounts import bells
from generation.images import kept_states, search_terms, storage
from generation.images.storage import StoredPicture
from generation.models import KEPT_IN_TRASH, Image, ImageQuerySet, Job, KeptState

if TYPE_CHECKING:
    from accounts.models import User

log = logging.getLogger(__name__)

# Rows of one batch of a sweep.
SWEPT_AT_ONCE = 100


class NotYours(Exception):
    """Some of the images are not the user's or no longer exist. Nothing was written."""


def keep(job: Job, stored: Iterable[StoredPicture]) -> None:
    """Create the rows of a job's images. Call in a transaction."""
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
    """Set or clear the favorite mark of the user's images. Safe to call twice. Raises NotYours."""
    change = search_terms.with_term if favorite else search_terms.without_term
    with transaction.atomic():
        require_own(user, ids)
        images = Image.objects.for_user(user).filter(pk__in=ids)
        images.update(favourite=favorite, terms=change(search_terms.FAVORITE))


def delete(user: "User", ids: Collection[UUID]) -> None:
    """Move images to the trash, without their states. Safe to call twice. Raises NotYours."""
    with transaction.atomic():
        require_own(user, ids)
        images = Image.objects.for_user(user).kept().filter(pk__in=ids)
        images.update(deleted_at=timezone.now())
        if kept_states.expire(ids):
            transaction.on_commit(partial(bells.ring, "generation.sweep"), robust=True)


def restore(user: "User", ids: Collection[UUID]) -> None:
    """Take images out of the trash. Raises NotYours, also for permanently removed images."""
    with transaction.atomic():
        require_own(user, ids)
        Image.objects.for_user(user).deleted().filter(pk__in=ids).update(deleted_at=None)


def remove(user: "User", ids: Collection[UUID] | None = None) -> None:
    """Let the next sweep remove these images of the trash, or all of it. Raises NotYours."""
    long_ago = timezone.now() - KEPT_IN_TRASH
    with transaction.atomic():
        images = Image.objects.for_user(user).deleted()
        if ids is not None:
            require_own(user, ids)
            images = images.filter(pk__in=ids)
        images.update(deleted_at=long_ago)
        transaction.on_commit(partial(bells.ring, "generation.sweep"))


def sweep() -> int:
    """Remove images that were in the trash for KEPT_IN_TRASH; return their number.

    Files go before rows, so an interrupted sweep finds its rows again. Images whose files cannot be
    deleted stay for the next sweep. Concurrent sweeps are harmless.
    """
    removed, refused = 0, set[UUID]()
    while due := _due(excluding=refused):
        refused |= _with_states(due)
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
    """Raises NotYours unless every id is an image of the user, kept or in the trash."""
    lasting = Image.objects.for_user(user).filter(pk__in=ids)
    due = lasting.filter(deleted_at__lte=timezone.now() - KEPT_IN_TRASH)
    if lasting.count() - due.count() != len(set(ids)):
        raise NotYours


def _with_states(images: Iterable[Image]) -> set[UUID]:
    """Remove the images' states; the images of which some stay, as the store refuses."""
    states = KeptState.objects.filter(image__in=images)
    kept_states.remove(states)
    return {state.image_id for state in states.all() if state.image_id is not None}


def _due(*, excluding: Collection[UUID]) -> ImageQuerySet:
    due = Image.objects.filter(deleted_at__lte=timezone.now() - KEPT_IN_TRASH)
    return due.exclude(pk__in=excluding).order_by("deleted_at")[:SWEPT_AT_ONCE]
