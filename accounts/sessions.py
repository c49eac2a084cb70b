"""The devices that a person is signed in on, and how they are signed out."""

from typing import TYPE_CHECKING

from allauth.usersessions.models import UserSession

from accounts import signals

if TYPE_CHECKING:
    from accounts.models import User


def end_all(user: "User") -> int:
    """Sign the user out everywhere; returns of how many devices. Safe to call twice."""
    sessions = list(UserSession.objects.filter(user=user))
    for session in sessions:
        session.end()
    signals.tell_access_changed(user)
    return len(sessions)
