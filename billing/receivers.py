"""What billing does when something happens elsewhere."""

from typing import Any

from allauth.account.models import EmailAddress
from allauth.account.signals import email_confirmed
from django.dispatch import receiver

from billing import subscriptions


@receiver(email_confirmed)
def start_trial(email_address: EmailAddress, **kwargs: Any) -> None:
    subscriptions.start_trial(email_address.user, email=email_address.email)
