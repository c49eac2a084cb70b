"""`migrate` without the time limits of a request, which then updates the modes of the data folder."""

from typing import Any

from django.conf import settings
from django.core.management.base import CommandError
from django.core.management.commands import migrate
from django.db import connections

from sdsite import file_modes

LIMITS = ("statement_timeout", "idle_in_transaction_session_timeout")
NAMED = 5


class Command(migrate.Command):
    def handle(self, *args: Any, **options: Any) -> None:
        connection = connections[options["database"]]
        with connection.cursor() as cursor:
            for limit in LIMITS:
                # Building an index may take minutes.
                cursor.execute(f"SET {limit} = 0")
        try:
            super().handle(*args, **options)
        finally:
            with connection.cursor() as cursor:
                for limit in LIMITS:
                    cursor.execute(f"SET {limit} TO DEFAULT")
        if not (options["plan"] or options["check_unapplied"]):
            self._protect_files()

    def _protect_files(self) -> None:
        """Files of an earlier release are readable by every user of the machine."""
        data = settings.DATA_DIR
        try:
            left = file_modes.protect(data, group=settings.FILES_GROUP)
        except KeyError as error:
            raise CommandError(f"FILES_GROUP: there is no group {settings.FILES_GROUP}.") from error
        except OSError as error:
            self.stderr.write(f"The modes of files in {data} were not set: {error}")
            return
        if left:
            names = ", ".join(str(path) for path in left[:NAMED])
            self.stderr.write(
                f"{len(left)} files or folders in {data} belong to another user, so their modes stay: {names}"
            )
