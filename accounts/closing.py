"""Deactivate and reactivate accounts, without deleting their data."""

from django.db import transaction

from accounts import sessions
from accounts.models import User


class LastAdministrator(Exception):
    """The account is the last active superuser's. Nothing was written."""


def deactivate(user: User) -> None:
    """Sign the user out everywhere and block sign-in. Safe to call twice. Raises LastAdministrator."""
    with transaction.atomic():
        _require_another_administrator(user)
        # Not by `save`: it would send `access_changed`, which the sign-out sends already.
        User.objects.filter(pk=user.pk).update(is_active=False)
        user.is_active = False
        sessions.end_all(user)


def reactivate(user: User) -> None:
    """Allow the user to sign in again. Safe to call twice."""
    user.is_active = True
    user.save(update_fields=["is_active"])


def _require_another_administrator(user: User) -> None:
    # Locked in one order: two administrators who close each other's accounts must not both succeed.
    administrators = User.objects.filter(is_active=True, is_superuser=True).order_by("pk")
    ids = list(administrators.select_for_update().values_list("pk", flat=True))
    if ids == [user.pk]:
        raise LastAdministrator
