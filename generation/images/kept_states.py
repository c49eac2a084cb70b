"""Kept states: runs of pictures between two steps, for a day. The only writer of their rows.

A finished picture keeps some as far as its owner's plan goes; the oldest make room. A draft is nothing else. They are
gone with their picture, job or account: files before rows, so that an interrupted removal finds its rows again.
"""

import hashlib
import logging
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db.models import Sum
from django.db.models.fields.json import KeyTextTransform
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import media
from billing.plans import PAY_AS_YOU_GO, plan_of
from generation.engine.request import GenerationRequest
from generation.images import storage
from generation.images.storage import StorageRefused
from generation.models import Image, Job, KeptState, KeptStateQuerySet

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

    from accounts.models import User

log = logging.getLogger(__name__)

KEPT_FOR = timedelta(days=1)
# Drafts of one person: those of the last eight jobs.
MOST_DRAFTS = 64
# What a branch may change. All else is that of its state.
FREE = frozenset({"prompt", "negative_prompt", "guidance_scale", "origin", "origin_step"})


class MissingState(Exception):
    """The request goes on from a state that its user does not have, or has no more."""

    def __init__(self) -> None:
        super().__init__(_("This picture can't be continued any more. Create it again."))


@dataclass(frozen=True, kw_only=True)
class NewState:
    """The state of picture number `index` of a job after `step` forward passes, as bytes."""

    index: int
    step: int
    content: bytes


def most_of_pictures(job: Job) -> int:
    """The number of states that the owner's plan keeps of finished pictures."""
    plan = PAY_AS_YOU_GO if job.pays_in_credits else plan_of(job.user)
    return plan.kept_states


def keep(job: Job, states: Sequence[NewState]) -> None:
    """Keep states of a finished job's pictures, and remove what is too much by now.

    Rows come first, so that no file is without one. Raises OSError if the store refuses a file; the states before it
    are kept.
    """
    images = {image.index: image for image in job.images.filter(deleted_at=None).defer("terms")}
    now = timezone.now()
    for state in states:
        if image := images.get(state.index):
            _keep(job, image, state, now=now)
    kept = KeptState.objects.filter(user=job.user_id, image__isnull=False)
    # Of one job, the early states are those that a branch can change most.
    _remove_all_but(most_of_pictures(job), kept.order_by("-created_at", "step", "index"))
    _make_room_for_all()


def store_drafts(
    job: Job, states: Sequence[NewState], previews: "Sequence[Picture]"
) -> list[KeptState]:
    """Store the files of a job's drafts; return their rows, unsaved. Raises StorageRefused after cleaning up."""
    now = timezone.now()
    try:
        return [
            _store_draft(job, state, preview, now=now)
            for state, preview in zip(states, previews, strict=True)
        ]
    except OSError as error:
        storage.discard(job)
        raise StorageRefused(str(error)) from error


def keep_drafts(stored: Iterable[KeptState]) -> None:
    """Create the rows of a job's drafts. Call in the transaction that ends the job."""
    KeptState.objects.bulk_create(stored)


def make_room_for_drafts(job: Job) -> None:
    """Remove the drafts that are too many, after new ones were kept."""
    drafts = KeptState.objects.filter(user=job.user_id).drafts()
    _remove_all_but(MOST_DRAFTS, drafts.order_by("-created_at", "index"))
    _make_room_for_all()


def of_image(image: Image) -> list[KeptState]:
    """The states that a branch of the picture can go on from, in order. One query."""
    return list(image.kept_states.live().select_related("job").order_by("step"))


def branch(state: KeptState, **changes: object) -> GenerationRequest:
    """The request that goes on from a state, with these words or guidance. Raises InvalidRequest."""
    return GenerationRequest.from_dict(unchecked_branch(state, **changes).to_dict())


def unchecked_branch(state: KeptState, **changes: object) -> GenerationRequest:
    """The same for a page that shows a price, even if a limit is lower by now."""
    assert changes.keys() <= FREE, f"a branch keeps its {changes.keys() - FREE}"
    origin = {"origin": state.digest, "origin_step": state.step}
    return GenerationRequest.stored({**state.request.to_dict(), **changes, **origin})


def require(user: "User", request: GenerationRequest) -> KeptState | None:
    """The state that a request goes on from, or None if it starts anew. Raises MissingState."""
    if not request.origin:
        return None
    named = KeptState.objects.for_user(user).live().filter(digest=request.origin)
    for state in named.filter(step=request.origin_step).select_related("job"):
        if _is_same_but_free(request, state.request):
            return state
    raise MissingState


def read(user_id: int, request: GenerationRequest) -> bytes:
    """The content of the state that a request goes on from. Raises MissingState, or OSError if the store is away."""
    states = KeptState.objects.filter(user=user_id, digest=request.origin)
    for state in states:
        try:
            content = storage.read(state.file)
        except FileNotFoundError:
            continue
        if hashlib.sha256(content).hexdigest() == state.digest:
            return content
    raise MissingState


def expire(images: Collection[UUID]) -> int:
    """Let the next sweep remove the states of these pictures; returns their number. Call in a transaction."""
    return KeptState.objects.live().filter(image__in=images).update(expires_at=timezone.now())


def remove(states: Iterable[KeptState]) -> int:
    """Remove states with their files. Safe to repeat."""
    count = 0
    for state in states:
        try:
            default_storage.delete(state.file)
            if state.preview:
                default_storage.delete(state.preview)
        except OSError:
            log.exception("the files of state %s stay", state.pk)
            continue
        KeptState.objects.filter(pk=state.pk).delete()
        count += 1
    return count


def sweep() -> int:
    """Remove the states that have expired, but not those that an unfinished job goes on from."""
    return remove(_unused(KeptState.objects.filter(expires_at__lte=timezone.now())))


def _keep(job: Job, image: Image, state: NewState, *, now: datetime) -> None:
    name = storage.state_name(job, index=state.index, step=state.step)
    row = _row(job, state, file=name, now=now, image=image)
    row.save(force_insert=True)
    try:
        media.save(name, ContentFile(state.content))
    except OSError:
        row.delete()
        raise
    if not KeptState.objects.filter(pk=row.pk, image__deleted_at=None).exists():
        # The picture was deleted meanwhile.
        remove([row])


def _store_draft(job: Job, state: NewState, preview: "Picture", *, now: datetime) -> KeptState:
    file, shown = storage.save_draft(job, state.content, preview, index=state.index)
    return _row(job, state, file=file, now=now, preview=shown)


def _row(job: Job, state: NewState, *, file: str, now: datetime, **fields: Any) -> KeptState:
    """The state's row, unsaved, with `image` or `preview` among the `fields`."""
    return KeptState(
        user_id=job.user_id,
        job=job,
        index=state.index,
        step=state.step,
        digest=hashlib.sha256(state.content).hexdigest(),
        file=file,
        bytes=len(state.content),
        created_at=now,
        expires_at=now + KEPT_FOR,
        **fields,
    )


def _remove_all_but(most: int, states: KeptStateQuerySet) -> None:
    """Remove the states beyond the first ones, but none that an unfinished job goes on from."""
    too_many = [state.pk for state in states[most:]]
    remove(_unused(KeptState.objects.filter(pk__in=too_many)))


def _make_room_for_all() -> None:
    """Remove the oldest states of all people until the others fit into the site's room."""
    total: int = KeptState.objects.aggregate(sum=Sum("bytes"))["sum"] or 0
    excess = total - settings.KEPT_STATES_BYTES
    if excess <= 0:
        return
    for state in _unused(KeptState.objects.order_by("created_at")).iterator(chunk_size=100):
        removed = remove([state])
        excess -= state.bytes
        if not removed or excess <= 0:
            # A store that refuses one file refuses others, too: the next job tries again.
            return


def _unused(states: KeptStateQuerySet) -> KeptStateQuerySet:
    """Those of the states that no unfinished job goes on from."""
    branches = Job.objects.unfinished().filter(request__has_key="origin")
    return states.exclude(digest__in=branches.values(named=KeyTextTransform("origin", "request")))


def _is_same_but_free(request: GenerationRequest, other: GenerationRequest) -> bool:
    names = {field.name for field in fields(request)} - FREE
    return all(getattr(request, name) == getattr(other, name) for name in names)
