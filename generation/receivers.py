"""What becomes of a person's sockets, jobs and pictures when something happens to the account."""

from typing import Any

from django.dispatch import receiver

from accounts.models import User
from accounts.signals import access_changed, erasing
from generation import erasing as remains
from generation import events, jobs


@receiver(access_changed)
def look_again(user: User, **kwargs: Any) -> None:
    events.session_changed(user)
    if not user.is_active:
        jobs.cancel_all(user)


@receiver(erasing)
def erase(user: User, **kwargs: Any) -> None:
    remains.erase(user)
