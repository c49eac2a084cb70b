"""Receivers of the signals of accounts and wallets."""

from typing import Any

from django.dispatch import receiver

from accounts.models import User
from accounts.signals import access_changed
from billing.models import Unit, Wallet
from billing.signals import balance_rose
from generation import jobs
from generation.jobs import parking
from generation.live import messages


@receiver(access_changed)
def check_sessions(user: User, **kwargs: Any) -> None:
    messages.session_changed(user)
    if not user.is_active:
        jobs.cancel_all(user)


@receiver(balance_rose)
def start_parked_jobs(wallet: Wallet, **kwargs: Any) -> None:
    """Start parked jobs, whatever brought the minutes. If the call is lost, beat finds the jobs."""
    if wallet.unit == Unit.GPU_MS:
        parking.start_once_committed(wallet.user_id)
