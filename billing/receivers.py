"""Receivers of signals: trials, deleted accounts, and emails about payments."""

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
def start_trial_of_verified_address(user: User, **kwargs: Any) -> None:
    """An address from a social account is confirmed from the start."""
    for address in EmailAddress.objects.filter(user=user, verified=True):
        subscriptions.start_trial(user, email=address.email)


@receiver(erasing)
def end_subscription(user: User, **kwargs: Any) -> None:
    plan_changes.end_if_live(user)


@receiver(invoice_paid)
def email_receipt(user: User, payment: Payment, **kwargs: Any) -> None:
    notifications.send_receipt(user, payment)


@receiver(renewal_failed)
def email_failed_renewal(user: User, payment: Payment, **kwargs: Any) -> None:
    notifications.send_renewal_failed(user, payment)
