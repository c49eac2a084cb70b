from argparse import ArgumentParser
from collections.abc import Iterator
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from billing import reconciliation
from billing.audit import audit
from billing.providers import provider
from billing.providers.protocol import ProviderUnavailable


class Command(BaseCommand):
    help = (
        "Compares every balance with the rows that it sums, jobs with their holds, bought grants with "
        "payments and, with Stripe's key, payments with Stripe's; names each difference and exits 1."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--provider",
            action="store_true",
            default=not provider().is_sandbox,
            help="compare with the provider also where that is the sandbox",
        )

    def handle(self, *args: Any, provider: bool, **options: Any) -> None:
        count = 0
        try:
            for difference in self._differences(provider=provider):
                self.stderr.write(difference)
                count += 1
        except ProviderUnavailable as error:
            raise CommandError(f"{error} ({error.__cause__})") from error
        if count:
            raise CommandError(f"{count} differences")
        self.stdout.write("clean")

    def _differences(self, *, provider: bool) -> Iterator[str]:
        yield from reconciliation.run().differences
        if provider:
            yield from audit()
