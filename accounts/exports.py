"""Everything that is kept of a person, as a zip: asked for, made in the background, kept for a week.

Each app contributes its part. An export that stalls or breaks is begun again, three times at most;
every write is conditional on its attempt, so that whoever was given up on changes nothing any more.
"""

import logging
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

from django.core.files import File
from django.core.files.storage import default_storage
from django.db import IntegrityError, transaction
from django.db.models import F, QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from accounts import bells, emails, outbox
from accounts.archive import Archive
from accounts.models import EXPORT_ACTIVE, Export, User

log = logging.getLogger(__name__)

KEPT = timedelta(days=7)
PROGRESS_SECONDS = 1.0
# The finished zip is stored in one go, in which there is nothing to report.
STORING = timedelta(hours=1)


class LostRace(Exception):
    """Somebody else has taken the export over, or it is no longer wanted. Nothing was written."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """What an app contributes: `count` files and rows at most, and how they are written."""

    count: Callable[[User], int]
    write: Callable[[User, Archive], None]


PARTS: list[Part] = []


def contribute(*, count: Callable[[User], int], write: Callable[[User, Archive], None]) -> None:
    """Add a part to every export; an app calls this once, when it is loaded."""
    PARTS.append(Part(count=count, write=write))


def request(user: User) -> Export:
    """Have an export made; returns the one that is being made already, if there is one."""
    try:
        with transaction.atomic():
            export = Export.objects.create(user=user)
            transaction.on_commit(partial(bells.ring, "accounts.make_export", str(export.pk)))
    except IntegrityError:
        return Export.objects.get(user=user, status__in=EXPORT_ACTIVE)
    return export


def make(export_id: str) -> bool:
    """Make an export if it is due; returns whether it is ready now. Safe to call twice.

    Raises what went wrong; the same call will do once its time has come again.
    """
    export = _claim(export_id)
    if export is None:
        return False
    with tempfile.TemporaryDirectory(prefix="export-") as folder:
        path = Path(folder) / "export.zip"
        try:
            _write(export, path)
            _store(export, path)
        except LostRace:
            log.info("export %s attempt %d is no longer wanted", export.pk, export.attempt)
            return False
    return True


def give_up() -> int:
    """End the exports that stalled too often; returns how many there were."""
    stalled = Export.objects.due().filter(
        status__in=EXPORT_ACTIVE, attempt__gte=Export.MAX_ATTEMPTS
    )
    hopeless = list(stalled.select_related("user"))
    for export in hopeless:
        with transaction.atomic():
            until = timezone.now() + KEPT
            if _mine(export).update(status=Export.Status.FAILED, expires_at=until):
                outbox.send(emails.export_failed, to=export.user.email, user=export.user)
    return len(hopeless)


def expire() -> int:
    """Remove what has been kept for long enough; returns how many there were."""
    over = Export.objects.filter(expires_at__lte=timezone.now())
    return sum(_discard(export) for export in over)


def discard_all(user: User) -> None:
    """Remove all exports of the user, also one that is being made."""
    for export in Export.objects.filter(user=user):
        _discard(export)


def _mine(export: Export) -> QuerySet[Export]:
    """The row, as long as nobody else has begun it anew."""
    return Export.objects.filter(pk=export.pk, status__in=EXPORT_ACTIVE, attempt=export.attempt)


def _claim(export_id: str) -> Export | None:
    exports = Export.objects.select_related("user")
    export = exports.claim(export_id, status=Export.Status.RUNNING, done=0)
    if export is None:
        return None
    total = sum(part.count(export.user) for part in PARTS)
    _update(export, total=total)
    return export


def _update(export: Export, *, lease: timedelta = Export.LEASE, **fields: Any) -> None:
    """Raises LostRace."""
    if not _mine(export).update(due_at=Now() + lease, **fields):
        raise LostRace


class _Progress:
    """Counts the steps, and writes the number down now and then."""

    def __init__(self, export: Export) -> None:
        self._export = export
        self._done = 0
        self._told = time.monotonic()

    def step(self) -> None:
        """Raises LostRace."""
        self._done += 1
        if time.monotonic() - self._told >= PROGRESS_SECONDS:
            self._told = time.monotonic()
            _update(self._export, done=self._done)


def _write(export: Export, path: Path) -> None:
    with Archive(path, on_step=_Progress(export).step) as archive:
        for part in PARTS:
            part.write(export.user, archive)


def _store(export: Export, path: Path) -> None:
    """Keep the zip instead of the user's earlier ones, and say so, all or nothing. Raises LostRace."""
    _update(export, lease=STORING, done=F("total"))
    with path.open("rb") as file:
        key = default_storage.save(f"exports/{export.pk}-{export.attempt}.zip", File(file))
    size, until = path.stat().st_size, timezone.now() + KEPT
    with transaction.atomic():
        kept = _mine(export).update(
            status=Export.Status.READY, file=key, bytes=size, expires_at=until
        )
        if kept:
            letter = partial(emails.export_ready, size=size, expires_at=until)
            outbox.send(letter, to=export.user.email, user=export.user)
    if not kept:
        default_storage.delete(key)
        raise LostRace
    for earlier in Export.objects.filter(user=export.user).exclude(pk=export.pk):
        _discard(earlier)


def _discard(export: Export) -> bool:
    if export.file:
        default_storage.delete(export.file)
    return bool(export.delete()[0])
