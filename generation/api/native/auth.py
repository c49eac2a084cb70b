"""Authentication of the native API's operations."""

from typing import Any
from uuid import UUID

from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from ninja.security.http import HttpBearer

from accounts.models import ApiKey, Scope
from generation.api import auth
from generation.api.threads import in_thread
from generation.models import Job


class KeyAuth(HttpBearer):
    """Requires a key with a scope."""

    def __init__(self, scope: Scope) -> None:
        super().__init__()
        self.scope = scope

    async def __call__(self, request: HttpRequest) -> Any:
        return await in_thread(auth.authenticate)(request, scope=self.scope)

    async def authenticate(self, request: HttpRequest, token: str) -> Any:
        raise AssertionError("__call__ is overridden")


GENERATE, READ, ACCOUNT = (KeyAuth(scope) for scope in Scope)


def key_of(request: HttpRequest) -> ApiKey:
    """The key of an authenticated request."""
    return auth.call_of(request).key


def job_of(request: HttpRequest, job_id: UUID) -> Job:
    """The key's job with this id, which is noted in the call log. Raises Http404."""
    mine = Job.objects.filter(api_key=key_of(request)).select_related("user")
    job = get_object_or_404(mine, pk=job_id)
    auth.call_of(request).job = job
    return job
