"""Cancellation of a tool's call by the client, whichever web process serves it.

Clients of the protocol's revisions before 2026 cancel a call by a message that names its request. The newest
one closes the connection instead. The name of each call that placed a job is kept in the cache; losing it
loses only the way to cancel by message.
"""

import hashlib
from typing import Any
from uuid import UUID

from django.core.cache import cache

from accounts.models import ApiKey
from generation import jobs
from generation.live import messages
from generation.models import Job

# The header by which a client names its session.
SESSION = "Mcp-Session-Id"
# As long as clients wait for a call at most.
KEPT_SECONDS = 3_600
_CANCELED = "canceled"


def name_of(key: ApiKey, session: str, request_id: Any) -> str:
    """The name of a client's request; empty without a session.

    Request ids count up from 1 in each session, so alone they tell no client from another.
    """
    if not session:
        return ""
    digest = hashlib.sha256(repr((session, request_id)).encode(errors="replace")).hexdigest()
    return f"mcp.{key.pk}.{digest}"


def note(name: str, job: Job) -> None:
    """Note the job of a request, and cancel it if the request was canceled before."""
    if not name:
        return
    with messages.may_be_lost():
        is_new = cache.add(name, str(job.pk), timeout=KEPT_SECONDS)
        if not is_new and cache.get(name) == _CANCELED:
            jobs.cancel(job)


def cancel(name: str) -> None:
    """Cancel the request's job, or have it canceled once it is placed. Safe to call twice."""
    if not name:
        return
    with messages.may_be_lost():
        if cache.add(name, _CANCELED, timeout=KEPT_SECONDS):
            return
        if (known := cache.get(name, _CANCELED)) != _CANCELED:
            jobs.cancel(Job.objects.get(pk=UUID(known)))
