"""Updates the translation files from code and templates."""

from typing import Any

from django.core.management.base import BaseCommand

from sdsite import messages


class Command(BaseCommand):
    help = (
        "Adds new texts to locale/*/LC_MESSAGES/django.po, empty, and takes out those that are gone. "
        "Prints what waits for a translation."
    )
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        for path in messages.catalogs():
            waiting = messages.update(path)
            for message in waiting:
                self.stdout.write(f"{path.parts[-3]}: {message.id!r}")
            self.stdout.write(f"{path}: {len(waiting)} wait for a translation")
