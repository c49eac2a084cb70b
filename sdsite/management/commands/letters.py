"""Writes an example of every email, in each language, into a folder for review."""

from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.utils.translation import override

from accounts import allauth_emails
from accounts import emails as account_emails
from accounts.emails import Email
from billing import emails as billing_emails
from generation import emails

SAMPLES = {
    **allauth_emails.SAMPLES,
    **account_emails.SAMPLES,
    **billing_emails.SAMPLES,
    **emails.SAMPLES,
}


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=Path)

    def handle(self, *args: Any, folder: Path, **options: Any) -> None:
        for language, _name in settings.LANGUAGES:
            place = folder / language
            place.mkdir(parents=True, exist_ok=True)
            for name, email in written(language):
                (place / f"{name}.txt").write_text(email.text())
                (place / f"{name}.html").write_text(email.html())
        self.stdout.write(
            f"{len(SAMPLES)} letters in {len(settings.LANGUAGES)} languages: {folder}"
        )


def written(language: str) -> Iterator[tuple[str, Email]]:
    """Each example by its name. Render it before taking the next: its language is active only until then."""
    with override(language):
        for name, write in SAMPLES.items():
            yield name, write()
