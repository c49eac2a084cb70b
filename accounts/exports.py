"""Data exports: a zip of all of a user's data, built in the background and kept for a week.

Each app contributes a part. An export that stalls or fails restarts, up to MAX_ATTEMPTS. Every write is
conditional on the attempt, so that a worker whose lease lapsed changes nothing.
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

from accounts import bells, emails, media, outbox
from accounts.archive import Archive
from accounts.models import EXPORT_ACTIVE, Export, User

log = logging.getLogger(__name__)

KEPT = timedelta(days=7)
PROGRESS_SECONDS = 1.0
# Storing the finished zip reports no progress.
STORING = timedelta(hours=1)


class LostRace(Exception):
    """Another worker took the export over, or it was deleted. Nothing was written."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """An app's part of an export: `count` is the most files and rows that `write` adds."""

    count: Callable[[User], int]
    write: Callable[[User, Archive], None]


PARTS: list[Part] = []


def contribute(*, count: Callable[[User], int], write: Callable[[User, Archive], None]) -> None:
    """Add a part to every export. Call it once, in AppConfig.ready."""
    PARTS.append(Part(count=count, write=write))


def request(user: User) -> Export:
    """Start an export, or return the active one."""
    try:
        with transaction.atomic():
            export = Export.objects.create(user=user)
            transaction.on_commit(partial(bells.ring, "accounts.make_export", str(export.pk)))
    except IntegrityError:
        return Export.objects.get(user=user, status__in=EXPORT_ACTIVE)
    return export


def make(export_id: str) -> bool:
    """Build an export if it is due; returns whether it is ready now. Safe to call twice.

    Raises any error of a part; the export is due again once its lease lapses.
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
    """Fail the exports without attempts left; returns their number."""
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
    """Delete expired exports; returns their number."""
    over = Export.objects.filter(expires_at__lte=timezone.now())
    return sum(_discard(export) for export in over)


def discard_all(user: User) -> None:
    """Delete all exports of the user, including an active one."""
    for export in Export.objects.filter(user=user):
        _discard(export)


def _mine(export: Export) -> QuerySet[Export]:
    """The row, unless another attempt has begun."""
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
    """Counts steps, and stores the count every PROGRESS_SECONDS."""

    def __init__(self, export: Export) -> None:
        self._export = export
        self._done = 0
        self._stored = time.monotonic()

    def step(self) -> None:
        """Raises LostRace."""
        self._done += 1
        if time.monotonic() - self._stored >= PROGRESS_SECONDS:
            self._stored = time.monotonic()
            _update(self._export, done=self._done)


def _write(export: Export, path: Path) -> None:
    with Archive(path, on_step=_Progress(export).step) as archive:
        for part in PARTS:
            part.write(export.user, archive)


def _store(export: Export, path: Path) -> None:
    """Store the zip, email the user, and delete earlier exports. Raises LostRace."""
    _update(export, lease=STORING, done=F("total"))
    with path.open("rb") as file:
        key = media.save(f"exports/{export.pk}-{export.attempt}.zip", File(file))
    size, until = path.stat().st_size, timezone.now() + KEPT
    with transaction.atomic():
        kept = _mine(export).update(
            status=Export.Status.READY, file=key, bytes=size, expires_at=until
        )
        if kept:
            email = partial(emails.export_ready, size=size, expires_at=until)
            outbox.send(email, to=export.user.email, user=export.user)
    if not kept:
        default_storage.delete(key)
        raise LostRace
    for earlier in Export.objects.filter(user=export.user).exclude(pk=export.pk):
        _discard(earlier)


def _discard(export: Export) -> bool:
    if export.file:
        default_storage.delete(export.file)
    return bool(export.delete()[0])
