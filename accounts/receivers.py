"""Signal receivers for sign-up, sign-out and password changes."""

from typing import Any

from allauth.account.signals import (
    password_changed,
    password_reset,
    password_set,
    user_signed_up,
)
from django.conf import settings
from django.contrib.auth.signals import user_logged_out
from django.dispatch import receiver
from django.http import HttpRequest
from django.utils.translation import get_language

from accounts import exports, sessions, signals
from accounts.models import User


@receiver(user_signed_up)
def keep_language(user: User, **kwargs: Any) -> None:
    """Store the language of the sign-up, for emails, until the user chooses another."""
    language = get_language()
    if not user.language and language in dict(settings.LANGUAGES):
        user.language = language
        user.save(update_fields=["language"])


@receiver(user_logged_out)
def end_session(request: HttpRequest, user: User | None, **kwargs: Any) -> None:
    # Django deletes the session only after this signal; a websocket that checks earlier would find it.
    session_key = request.session.session_key
    request.session.delete()
    if user is not None:
        sessions.forget(user, session_key)


@receiver([password_changed, password_set])
def sign_out_elsewhere(request: HttpRequest, user: User, **kwargs: Any) -> None:
    sessions.end_all(user, keep=request.session.session_key)


@receiver(password_reset)
def sign_out_everywhere(user: User, **kwargs: Any) -> None:
    sessions.end_all(user)


@receiver(signals.erasing)
def erase(user: User, **kwargs: Any) -> None:
    exports.discard_all(user)
