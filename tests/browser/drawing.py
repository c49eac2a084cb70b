"""Accounts with pictures, for a process in the environment of the running site's web process."""

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.cached_db import SessionStore

from accounts.models import User
from tests import factories
from tests.generation.rows import make_image, make_job, make_request

PROMPTS = ["a red house", "a blue boat", "a green tree", "红色的房子", "a golden castle"]
SIZES = [(64, 64), (64, 96), (96, 64)]


def account(email: str, *, pictures: int, plan: str = "") -> None:
    """Make an account with so many pictures, and a plan if one is named; print the key of its session."""
    user = factories.make_user(email)
    if plan:
        factories.subscribe(user, plan=plan)
    for number in range(pictures):
        request = make_request(prompt=PROMPTS[number % len(PROMPTS)], seed=number)
        make_image(make_job(user, request=request), size=SIZES[number % len(SIZES)])
    print(_session_of(user))


def _session_of(user: User) -> str:
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.save()
    return session.session_key
