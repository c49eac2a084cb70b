"""What generation does when something happens to an account or a wallet."""

from typing import Any

from django.dispatch import receiver

from accounts.models import User
from accounts.signals import access_changed, erasing
from billing.models import Unit, Wallet
from billing.signals import balance_rose
from generation import erasing as remains
from generation import events, jobs, parking


@receiver(access_changed)
def look_again(user: User, **kwargs: Any) -> None:
    events.session_changed(user)
    if not user.is_active:
        jobs.cancel_all(user)


@receiver(erasing)
def erase(user: User, **kwargs: Any) -> None:
    remains.erase(user)


@receiver(balance_rose)
def start_parked_jobs(wallet: Wallet, **kwargs: Any) -> None:
    """Whatever brought the minutes. If this is lost, beat finds the jobs all the same."""
    if wallet.unit == Unit.GPU_MS:
        parking.start_once_committed(wallet.user_id)
