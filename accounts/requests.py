"""Typed access to a request's user."""

from django.http import HttpRequest

from accounts.models import User


def user_of(request: HttpRequest) -> User:
    """The user behind a request to a view that requires a login."""
    assert request.user.is_authenticated, "the view requires a login"
    return request.user
