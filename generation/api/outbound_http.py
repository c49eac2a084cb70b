"""HTTP POST to URLs that customers name: public addresses only, and no redirects.

The host is resolved once, and the checked address is the one called. Resolving it again would let a
hostile DNS server point the second lookup at an internal machine.
"""

import http.client
import ipaddress
import socket
import ssl
from collections.abc import Mapping
from urllib.parse import urlsplit

from django.conf import settings
from django.utils.translation import gettext as _

SECONDS = 5


class NotReached(Exception):
    """No response; the message says why."""


class UnfitAddress(ValueError):
    """A URL that must not be called; the message says why."""


def require_fit(url: str) -> None:
    """Check the URL without resolving its host. Raises UnfitAddress."""
    try:
        parts = urlsplit(url)
        has_host, _port = bool(parts.hostname), parts.port
    except ValueError as error:
        raise UnfitAddress(_("This is not an address.")) from error
    schemes = ("http", "https") if settings.WEBHOOKS_TO_PRIVATE_ADDRESSES else ("https",)
    if parts.scheme not in schemes or not has_host:
        raise UnfitAddress(_("Use an address that begins with https://."))
    if not url.isascii() or not url.isprintable() or " " in url or len(url) > 500:
        raise UnfitAddress(_("This is not an address."))


def post(url: str, body: bytes, headers: Mapping[str, str]) -> int:
    """Send the body and return the response's status. Raises NotReached."""
    try:
        require_fit(url)
        parts = urlsplit(url)
        connection = _connection(parts.scheme, parts.hostname or "", parts.port)
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        try:
            connection.request("POST", path, body=body, headers=dict(headers))
            return connection.getresponse().status
        finally:
            connection.close()
    except (UnfitAddress, OSError, http.client.HTTPException) as error:
        raise NotReached(str(error) or type(error).__name__) from error


def _connection(scheme: str, host: str, port: int | None) -> http.client.HTTPConnection:
    """An open connection to the address that was checked."""
    number = port or (443 if scheme == "https" else 80)
    connected = socket.create_connection((_address(host, number), number), timeout=SECONDS)
    connection = http.client.HTTPConnection(host, number, timeout=SECONDS)
    if scheme == "https":
        connected = ssl.create_default_context().wrap_socket(connected, server_hostname=host)
    connection.sock = connected
    return connection


def _address(host: str, port: int) -> str:
    found = {info[4][0] for info in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)}
    addresses = [ipaddress.ip_address(str(each).split("%")[0]) for each in sorted(map(str, found))]
    if not settings.WEBHOOKS_TO_PRIVATE_ADDRESSES and not all(
        address.is_global and not address.is_multicast for address in addresses
    ):
        raise UnfitAddress(_("This address is not on the internet."))
    return str(addresses[0])
