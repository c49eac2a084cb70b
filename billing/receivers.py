"""What billing does when something happens elsewhere, and whom it writes about what happens here."""

from typing import Any

from allauth.account.models import EmailAddress
from allauth.account.signals import email_confirmed, user_signed_up
from django.dispatch import receiver

from accounts.models import User
from accounts.signals import erasing
from billing import notifications, plan_changes, subscriptions
from billing.models import Payment
from billing.signals import invoice_paid, renewal_failed


@receiver(email_confirmed)
def start_trial(email_address: EmailAddress, **kwargs: Any) -> None:
    subscriptions.start_trial(email_address.user, email=email_address.email)


@receiver(user_signed_up)
def start_trial_of_known_address(user: User, **kwargs: Any) -> None:
    """An address that a provider vouches for is confirmed from the start."""
    for address in EmailAddress.objects.filter(user=user, verified=True):
        subscriptions.start_trial(user, email=address.email)


@receiver(erasing)
def end_subscription(user: User, **kwargs: Any) -> None:
    plan_changes.end_if_live(user)


@receiver(invoice_paid)
def tell_paid(user: User, payment: Payment, **kwargs: Any) -> None:
    notifications.tell_paid(user, payment)


@receiver(renewal_failed)
def tell_renewal_failed(user: User, payment: Payment, **kwargs: Any) -> None:
    notifications.tell_renewal_failed(user, payment)
