"""The exception in the content security policy for forms that lead to the payment provider."""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

from csp.decorators import csp_update
from django.http import HttpRequest, HttpResponse

from billing.providers import provider

View = TypeVar("View", bound=Callable[..., HttpResponse])


def allow_provider_redirects(view: View) -> View:
    """Let the page's forms redirect to the provider: browsers check `form-action` there, too."""

    @wraps(view)
    def allowed(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        policy = csp_update({"form-action": list(provider().origins)})
        return cast("HttpResponse", policy(view)(request, *args, **kwargs))

    return cast("View", allowed)
