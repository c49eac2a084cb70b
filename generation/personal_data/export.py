"""This app's part of a data export: everything that a person made, uploaded, arranged, shared and called."""

import itertools
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.db.models import QuerySet

from accounts.archive import Archive
from accounts.models import ApiKey
from accounts.row_pages import M, newest_first
from generation.models import Image, Job, StudioPreset, Upload
from generation.models.api import Call, Delivery
from generation.models.boards import Board, BoardPicture, Share
from generation.models.refusals import Refusal
from generation.personal_data import records

if TYPE_CHECKING:
    from accounts.models import User

AT_ONCE = 200


def count(user: "User") -> int:
    images, uploads = Image.objects.for_user(user), Upload.objects.filter(user=user)
    # Pictures in the trash and uploads are a row and a file each.
    files = images.kept().count() + 2 * images.deleted().count() + 2 * uploads.count()
    lists = (Board, Share, StudioPreset, Refusal)
    by_key = (Call, Delivery)
    return (
        files
        + Job.objects.for_user(user).count()
        + sum(model._default_manager.filter(user=user).count() for model in lists)
        + sum(model._default_manager.filter(api_key__user=user).count() for model in by_key)
    )


def write(user: "User", archive: Archive) -> None:
    def add(name: str, rows: QuerySet[M], record: Callable[[M], dict[str, Any]]) -> None:
        archive.add_rows(name, (record(row) for row in _all(rows)))

    archive.add_rows("jobs.json", (records.job(job) for job in _jobs(user)))
    archive.add_rows("trash.json", (records.deleted_picture(image) for image in _trash(user)))
    add("uploads.json", Upload.objects.filter(user=user), records.upload)
    add("boards.json", Board.objects.for_user(user), _board)
    add("presets.json", StudioPreset.objects.filter(user=user), records.preset)
    add(
        "shared_links.json",
        Share.objects.for_user(user).select_related("image"),
        records.share,
    )
    add("refusals.json", Refusal.objects.filter(user=user), records.refusal)
    archive.add_rows("calls.json", (records.call(call) for call in _by_key(user, Call)))
    archive.add_rows("webhooks.json", (records.delivery(each) for each in _by_key(user, Delivery)))
    for image in itertools.chain(_images(user), _trash(user)):
        archive.add_file(records.picture_name(image), image.file)
    for upload in _all(Upload.objects.filter(user=user)):
        archive.add_file(records.upload_name(upload), upload.file)


def _all(rows: QuerySet[M]) -> Iterator[M]:
    return newest_first(rows, at_once=AT_ONCE)


def _jobs(user: "User") -> Iterator[Job]:
    """All of the user's jobs by id, in short queries."""
    last = UUID(int=0)
    jobs = Job.objects.for_user(user).select_related("api_key", "order").prefetch_related("images")
    while some := list(jobs.order_by("pk").filter(pk__gt=last)[:AT_ONCE]):
        yield from some
        last = some[-1].pk


def _images(user: "User") -> Iterator[Image]:
    last = UUID(int=0)
    images = Image.objects.for_user(user).kept().order_by("pk")
    while some := list(images.filter(pk__gt=last)[:AT_ONCE]):
        yield from some
        last = some[-1].pk


def _trash(user: "User") -> Iterator[Image]:
    return newest_first(Image.objects.for_user(user).deleted(), at_once=AT_ONCE, by="deleted_at")


def _board(board: Board) -> dict[str, Any]:
    hung = BoardPicture.objects.filter(board=board, image__deleted_at=None).select_related("image")
    return records.board(board, (each.image for each in _all(hung)))


def _by_key(user: "User", model: type[M]) -> Iterator[M]:
    """The rows of each of the user's keys: the index has the key first."""
    for key in ApiKey.objects.filter(user=user).order_by("created_at"):
        yield from _all(model._default_manager.filter(api_key=key).select_related("api_key"))
