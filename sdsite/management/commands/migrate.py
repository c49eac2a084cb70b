"""`migrate` without the time limits of a request: building an index may take minutes."""

from typing import Any

from django.core.management.commands import migrate
from django.db import connections

LIMITS = ("statement_timeout", "idle_in_transaction_session_timeout")


class Command(migrate.Command):
    def handle(self, *args: Any, **options: Any) -> None:
        connection = connections[options["database"]]
        with connection.cursor() as cursor:
            for limit in LIMITS:
                cursor.execute(f"SET {limit} = 0")
        try:
            super().handle(*args, **options)
        finally:
            with connection.cursor() as cursor:
                for limit in LIMITS:
                    cursor.execute(f"SET {limit} TO DEFAULT")
