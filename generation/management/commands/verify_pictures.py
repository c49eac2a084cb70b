"""The command that looks for missing picture files."""

from collections.abc import Iterator
from typing import Any

from django.core.files.storage import default_storage
from django.core.management.base import BaseCommand, CommandError

from generation.models import Image

AT_A_TIME = 500


class Command(BaseCommand):
    help = "Looks whether every picture has its files; names those that lack one and exits 1."

    def handle(self, *args: Any, **options: Any) -> None:
        missing = 0
        for image in _pictures():
            for name in (image.file, image.thumbnail):
                if not default_storage.exists(name):
                    missing += 1
                    self.stderr.write(f"picture {image.pk}: {name} is missing")
        if missing:
            raise CommandError(f"{missing} files are missing")
        self.stdout.write("complete")


def _pictures() -> Iterator[Image]:
    """All kept pictures in short queries, because the store may be slow."""
    kept = Image.objects.kept().order_by("pk")
    page = list(kept[:AT_A_TIME])
    while page:
        yield from page
        page = list(kept.filter(pk__gt=page[-1].pk)[:AT_A_TIME])
