"""The client's address in log lines, by the same rule as for sessions and rate limits."""

from typing import Any

import structlog
from allauth.account.adapter import get_adapter
from django.core.exceptions import ImproperlyConfigured, PermissionDenied
from django.dispatch import receiver
from django.http import HttpRequest
from django_structlog.signals import bind_extra_request_metadata


@receiver(bind_extra_request_metadata)
def bind(request: HttpRequest, **kwargs: Any) -> None:
    structlog.contextvars.bind_contextvars(ip=address_of(request))


def address_of(request: HttpRequest) -> str | None:
    """The address that the outermost trusted proxy (TRUSTED_PROXY_COUNT) saw; never a client's claim.

    Without such a proxy in between, the connection's own address.
    """
    try:
        address: str = get_adapter().get_client_ip(request)
    except (ImproperlyConfigured, PermissionDenied):
        return request.META.get("REMOTE_ADDR")
    return address
