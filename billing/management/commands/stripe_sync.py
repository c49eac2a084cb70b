from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from billing.providers.protocol import CardDeclined, ProviderUnavailable
from billing.providers.stripe import catalogue


class Command(BaseCommand):
    help = "Makes Stripe's products, prices, portal and webhook what the catalogue says. Safe to repeat."
    # A check requires the webhook's secret, which this command prints.
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.STRIPE_SECRET_KEY:
            raise CommandError("Set STRIPE_SECRET_KEY; without it the sandbox sells the catalogue.")
        from billing.providers.stripe import client as api  # noqa: PLC0415  # slow import: stripe, half a second

        client = api.client(settings.STRIPE_SECRET_KEY, settings.STRIPE_API_URL).v1
        try:
            with api.translated_errors():
                for line in catalogue.synchronize(client, api_version=api.API_VERSION):
                    self.stdout.write(line)
        except (ProviderUnavailable, CardDeclined) as error:
            raise CommandError(f"Stripe refused: {error.__cause__}") from error
