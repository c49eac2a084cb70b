"""What generation does when something happens to an account or a wallet."""

from typing import Any

from allauth.account.signals import password_changed, password_reset, password_set
from django.contrib.auth.signals import user_logged_out
from django.db.models.signals import post_save
from django.dispatch import receiver

from accounts.models import User
from billing import signals
from billing.models import Unit, Wallet
from generation import events, parking


@receiver([user_logged_out, password_changed, password_reset, password_set])
def look_again(user: User | None, **kwargs: Any) -> None:
    if user is not None:
        events.session_changed(user)


@receiver(post_save, sender=User)
def look_again_at_closed_account(instance: User, **kwargs: Any) -> None:
    if not instance.is_active:
        events.session_changed(instance)


@receiver(signals.balance_rose)
def start_parked_jobs(wallet: Wallet, **kwargs: Any) -> None:
    """Whatever brought the minutes. If this is lost, beat finds the jobs all the same."""
    if wallet.unit == Unit.GPU_MS:
        parking.start_once_committed(wallet.user_id)
