"""A user's sessions by device: list them and sign them out."""

from collections.abc import Iterable, Mapping
from importlib import import_module
from typing import Any

from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.models import Session
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from accounts import signals
from accounts.models import User


def live(user: User) -> list[UserSession]:
    """The user's live sessions, newest first. Two queries for any number."""
    rows = list(UserSession.objects.filter(user=user).order_by("-created_at", "-id"))
    stored = _not_expired([row.session_key for row in rows])
    valid = {each.session_key for each in stored if _signs_in(user, each.get_decoded())}
    return [row for row in rows if row.session_key in valid]


def signing_in(users: Mapping[str, int]) -> set[str]:
    """The keys of the sessions that still sign in the user given with them.

    Two queries for any number.
    """
    active = User.objects.filter(is_active=True).in_bulk(set(users.values()))
    return {
        each.session_key
        for each in _not_expired(users)
        if (user := active.get(users[each.session_key])) and _signs_in(user, each.get_decoded())
    }


def end(session: UserSession) -> None:
    """Sign the user out on this device."""
    _delete(session)
    signals.send_access_changed(session.user)


def end_all(user: User, *, keep: str | None = None) -> int:
    """Sign the user out everywhere except in the session `keep`; returns the number of devices."""
    ended = list(UserSession.objects.filter(user=user).exclude(session_key=keep))
    for session in ended:
        _delete(session)
    signals.send_access_changed(user)
    return len(ended)


def forget(user: User, session_key: str | None) -> None:
    """Delete the row of a session that has ended in another way."""
    UserSession.objects.filter(user=user, session_key=session_key).delete()
    signals.send_access_changed(user)


def prune() -> int:
    """Delete the rows of ended sessions; returns their number."""
    live = Session.objects.filter(expire_date__gt=timezone.now()).values("session_key")
    removed: int = UserSession.objects.exclude(session_key__in=live).delete()[0]
    return removed


def _not_expired(keys: Iterable[str]) -> QuerySet[Session]:
    return Session.objects.filter(session_key__in=keys, expire_date__gt=timezone.now())


def _signs_in(user: User, data: dict[str, Any]) -> bool:
    # Sessions signed with a replaced key stay valid while it is in SECRET_KEY_FALLBACKS.
    hashes = [user.get_session_auth_hash(), *user.get_session_auth_fallback_hash()]
    known = data.get(HASH_SESSION_KEY, "")
    is_users = data.get(SESSION_KEY) == str(user.pk)
    return is_users and any(constant_time_compare(known, each) for each in hashes)


def _delete(session: UserSession) -> None:
    store = import_module(settings.SESSION_ENGINE).SessionStore()
    store.delete(session.session_key)
    session.delete()
