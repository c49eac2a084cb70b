"""HTTP POST to URLs that customers name: public addresses only, and no redirects.

The host is resolved once, and the checked address is the one called. Resolving it again would let a
hostile DNS server point the second lookup at an internal machine.
"""

import http.client
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from ipaddress import IPv4Address, IPv6Address
from urllib.parse import urlsplit

from django.conf import settings
from django.utils.translation import gettext as _

# For connection, TLS and response together. A limit for each read would let a receiver drip.
SECONDS = 5.0

Address = IPv4Address | IPv6Address

# Networks that `ipaddress` calls global: site-local, 6to4 relays, documentation, segment routing, local NAT64.
_UNFIT = tuple(
    map(
        ipaddress.ip_network,
        ("fec0::/10", "192.88.99.0/24", "3fff::/20", "5f00::/16", "64:ff9b:1::/48"),
    )
)
# IPv6 networks whose addresses hold one of IPv4, and the number of bits behind it.
_EMBEDDING = {
    ipaddress.IPv6Network("::/96"): 0,
    ipaddress.IPv6Network("::ffff:0:0/96"): 0,
    ipaddress.IPv6Network("::ffff:0:0:0/96"): 0,
    ipaddress.IPv6Network("64:ff9b::/96"): 0,
    ipaddress.IPv6Network("2002::/16"): 80,
}


class NotReached(Exception):
    """No response; the message says why."""


class UnfitAddress(ValueError):
    """A URL that must not be called; the message says why."""


def require_fit(url: str) -> None:
    """Check the URL without resolving its host. Raises UnfitAddress."""
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname or "", parts.port
        # As the resolver will: it refuses empty labels, and those of more than 63 characters.
        host.encode("idna")
    except ValueError as error:
        raise UnfitAddress(_("This is not an address.")) from error
    schemes = ("http", "https") if settings.WEBHOOKS_TO_PRIVATE_ADDRESSES else ("https",)
    if parts.scheme not in schemes or not host:
        raise UnfitAddress(_("Use an address that begins with https://."))
    if not url.isascii() or not url.isprintable() or " " in url or len(url) > 500:
        raise UnfitAddress(_("This is not an address."))


def post(url: str, body: bytes, headers: Mapping[str, str]) -> int:
    """Send the body and return the response's status, within SECONDS. Raises NotReached."""
    try:
        require_fit(url)
        parts = urlsplit(url)
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        with _connected(parts.scheme, parts.hostname or "", parts.port) as connection:
            connection.request("POST", path, body=body, headers=dict(headers))
            return connection.getresponse().status
    # Of UnfitAddress, and of a host that cannot be encoded.
    except (ValueError, OSError, http.client.HTTPException) as error:
        raise NotReached(str(error) or type(error).__name__) from error


def is_public(address: Address) -> bool:
    """True for an address of the internet, also if an IPv6 address stands for one of IPv4."""
    if any(address in network for network in _UNFIT) or address.is_multicast:
        return False
    for network, bits in _EMBEDDING.items():
        if address in network:
            return is_public(IPv4Address(int(address) >> bits & 0xFFFFFFFF))
    return address.is_global


@contextmanager
def _connected(scheme: str, host: str, port: int | None) -> Iterator[http.client.HTTPConnection]:
    """A connection to the address that was checked. It is cut at the deadline: TimeoutError."""
    deadline = time.monotonic() + SECONDS
    number = port or (443 if scheme == "https" else 80)
    address = _address(host, number, deadline=deadline)
    left = max(0.1, deadline - time.monotonic())
    connected = socket.create_connection((address, number), timeout=left)
    if scheme == "https":
        connected = ssl.create_default_context().wrap_socket(
            connected, server_hostname=host, do_handshake_on_connect=False
        )
    with connected, _cut_at(deadline, connected):
        # A proxy in between would be another address than the one that was looked up.
        _require_public(ipaddress.ip_address(connected.getpeername()[0].split("%")[0]))
        if isinstance(connected, ssl.SSLSocket):
            connected.do_handshake()
        connection = http.client.HTTPConnection(host, number, timeout=SECONDS)
        connection.sock = connected
        yield connection


@contextmanager
def _cut_at(deadline: float, connected: socket.socket) -> Iterator[None]:
    """End every wait of the socket at the deadline. Raises TimeoutError after it."""
    is_over = threading.Event()

    def cut() -> None:
        is_over.set()
        # The method of SSLSocket would take the TLS state away from the thread that reads.
        with suppress(OSError):
            socket.socket.shutdown(connected, socket.SHUT_RDWR)

    timer = threading.Timer(max(0, deadline - time.monotonic()), cut)
    timer.daemon = True
    timer.start()
    try:
        yield
    except (OSError, ValueError, http.client.HTTPException):
        if not is_over.is_set():
            raise
    finally:
        timer.cancel()
        timer.join()
    if is_over.is_set():
        raise TimeoutError("timed out")


def _address(host: str, port: int, *, deadline: float) -> str:
    found = _resolve(host, port, deadline=deadline)
    addresses = [ipaddress.ip_address(each.split("%")[0]) for each in sorted(found)]
    for address in addresses:
        _require_public(address)
    return str(addresses[0])


def _resolve(host: str, port: int, *, deadline: float) -> set[str]:
    """The host's addresses. Raises TimeoutError at the deadline, and the resolver's OSError or ValueError."""
    answer: Future[set[str]] = Future()

    def resolve() -> None:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            answer.set_result({str(info[4][0]) for info in found})
        except (OSError, ValueError) as error:
            answer.set_exception(error)

    # A hostile name server holds a resolver for many times SECONDS, and nothing can stop the call.
    threading.Thread(target=resolve, name="resolver", daemon=True).start()
    try:
        return answer.result(max(0, deadline - time.monotonic()))
    except TimeoutError as error:
        raise TimeoutError("timed out") from error


def _require_public(address: Address) -> None:
    if not settings.WEBHOOKS_TO_PRIVATE_ADDRESSES and not is_public(address):
        raise UnfitAddress(_("This address is not on the internet."))
