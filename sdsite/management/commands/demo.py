"""Creates a demo account on a developer's machine."""

from typing import Any

from allauth.account.models import EmailAddress
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils.crypto import salted_hmac

from accounts.models import User
from billing import subscriptions

EMAIL = "demo@example.com"


class Command(BaseCommand):
    help = "Makes the demo account, where it is missing, and prints how to sign in."

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.DEBUG:
            raise CommandError("The demo account is for development: DEBUG is off.")
        # Derived from the secret key, so that every start prints the same one and nobody is signed out.
        password = salted_hmac("demo", EMAIL).hexdigest()[:12]
        if not User.objects.filter(email=EMAIL).exists():
            user = User.objects.create_user(EMAIL, password)
            EmailAddress.objects.create(user=user, email=EMAIL, verified=True, primary=True)
            subscriptions.start_trial(user, email=EMAIL)
        self.stdout.write(f"demo account: {EMAIL}, password {password}")
