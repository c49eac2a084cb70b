from typing import Any

from django.core.management.base import BaseCommand, CommandError

from billing import reconciliation


class Command(BaseCommand):
    help = "Compares every balance with the rows that it sums; names each difference and exits 1."

    def handle(self, *args: Any, **options: Any) -> None:
        differences = reconciliation.run().differences
        for difference in differences:
            self.stderr.write(difference)
        if differences:
            raise CommandError(f"{len(differences)} differences")
        self.stdout.write("clean")
