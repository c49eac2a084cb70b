"""This app's part of a data export: picture files, and jobs with requests and receipts."""

from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any
from uuid import UUID

from accounts.archive import Archive
from generation.models import Image, Job

if TYPE_CHECKING:
    from accounts.models import User

AT_ONCE = 200


def count(user: "User") -> int:
    return Image.objects.for_user(user).kept().count() + Job.objects.for_user(user).count()


def write(user: "User", archive: Archive) -> None:
    archive.add_rows("jobs.json", (_job(job) for job in _jobs(user)))
    for image in _images(user):
        archive.add_file(_name(image), image.file)


def _jobs(user: "User") -> Iterator[Job]:
    """All of the user's jobs by id, in short queries."""
    last = UUID(int=0)
    jobs = Job.objects.for_user(user).prefetch_related("images").order_by("pk")
    while some := list(jobs.filter(pk__gt=last)[:AT_ONCE]):
        yield from some
        last = some[-1].pk


def _images(user: "User") -> Iterator[Image]:
    last = UUID(int=0)
    images = Image.objects.for_user(user).kept().order_by("pk")
    while some := list(images.filter(pk__gt=last)[:AT_ONCE]):
        yield from some
        last = some[-1].pk


def _job(job: Job) -> dict[str, Any]:
    return {
        "id": job.pk,
        "status": job.status,
        "request": job.request,
        "created_at": job.created_at,
        "started_at": job.started_at,
        "finished_at": job.finished_at,
        "quote_ms": job.quote_ms,
        "charged_ms": job.charged_ms,
        "receipt": job.receipt,
        "error": job.error,
        "pictures": [
            {
                "file": _name(image),
                "seed": image.seed,
                "width": image.width,
                "height": image.height,
                "created_at": image.created_at,
            }
            for image in job.images.all()
            if image.deleted_at is None
        ],
    }


def _name(image: Image) -> str:
    suffix = PurePosixPath(image.file).suffix
    return f"pictures/{image.created_at:%Y-%m}/{image.pk}{suffix}"
