"""Who may sign in: closes accounts and opens them again. Nothing of theirs is deleted."""

from django.db import transaction

from accounts import sessions
from accounts.models import User


class LastAdministrator(Exception):
    """Nobody could open the account again. Nothing was written."""


def deactivate(user: User) -> None:
    """Keep the user out from now on, on every device. Safe to call twice. Raises LastAdministrator."""
    with transaction.atomic():
        _require_another_administrator(user)
        # Not by `save`, which would tell of it as the sign-out does.
        User.objects.filter(pk=user.pk).update(is_active=False)
        user.is_active = False
        sessions.end_all(user)


def reactivate(user: User) -> None:
    """Let the user sign in again. Safe to call twice."""
    user.is_active = True
    user.save(update_fields=["is_active"])


def _require_another_administrator(user: User) -> None:
    # Locked in one order, or two who close each other's accounts would both be let.
    administrators = User.objects.filter(is_active=True, is_superuser=True).order_by("pk")
    ids = list(administrators.select_for_update().values_list("pk", flat=True))
    if ids == [user.pk]:
        raise LastAdministrator
