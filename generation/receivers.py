"""What generation does when something happens to an account or a wallet."""

from typing import Any

from django.dispatch import receiver

from accounts.models import User
from accounts.signals import access_changed, erasing
from billing.models import Unit, Wallet
from billing.signals import balance_rose
from generation import jobs
from generation.jobs import parking
from generation.live import messages
from generation.personal_data import erasure as remains


@receiver(access_changed)
def look_again(user: User, **kwargs: Any) -> None:
    messages.session_changed(user)
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
