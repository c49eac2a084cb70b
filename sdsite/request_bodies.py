"""Limits of request bodies, in size and time, before Django reads one.

Django stores a whole body before it looks for the view. So the bytes are counted as they come, whether a client
said how many there would be or not. Past a limit the view gets an empty body, and `input_guard` answers.
"""

import asyncio
import contextlib
import logging
from dataclasses import dataclass, field
from io import BytesIO

from asgiref.sync import ThreadSensitiveContext
from django.conf import settings
from django.core.handlers.asgi import ASGIRequest
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest
from django.urls import Resolver404, resolve

from accounts import body_sizes, keys
from generation.api import auth, key_in_path
from generation.api.asgi_types import App, Message, Receive, Scope, Send
from generation.api.threads import in_thread

log = logging.getLogger(__name__)

# Callers without a valid API key send no more than this to a route for those with one.
STRANGERS_BYTES = 64 * 2**10
# A body may take this long, and a second more for each so many bytes.
BODY_SECONDS = 30.0
BYTES_A_SECOND = 16 * 2**10
# A client that still sends is heard out for so long, or it would meet a reset instead of the response.
LINGER_SECONDS = 2.0
_KEY = "sdsite.request_bodies"
_END: Message = {"type": "http.request", "body": b"", "more_body": False}


@dataclass(eq=False)
class Body:
    """A body as it comes. `status` is the reason why it was cut off, or 0.

    A stranger's has none: the view refuses its caller.
    """

    request: HttpRequest
    raw_receive: Receive
    limit: int
    is_for_keys: bool
    status: int = 0
    is_cut: bool = False
    _count: int = 0
    _is_whole: bool = False
    _began: float = field(default_factory=lambda: asyncio.get_running_loop().time())
    _is_over: asyncio.Event = field(default_factory=asyncio.Event)
    _is_answered: asyncio.Event = field(default_factory=asyncio.Event)

    async def receive(self) -> Message:
        """The next message, or the end of a body that is too large or too slow."""
        if self._is_whole:
            return await self._until_disconnected()
        if self.is_cut:
            return self._end()
        try:
            async with asyncio.timeout_at(self._deadline):
                message = await self.raw_receive()
        except TimeoutError:
            self._cut(408)
            return self._end()
        self._count += len(message.get("body", b""))
        if await self.is_too_much(self._count):
            return self._end()
        self._is_whole = not message.get("more_body", False)
        return message

    async def is_too_much(self, num_bytes: int) -> bool:
        """Cut the body off if so many bytes are too many, sent or only announced."""
        if self.is_for_keys and num_bytes > STRANGERS_BYTES and not await self._is_known():
            self._cut(0)
        elif num_bytes > self.limit and not self.is_cut:
            self._cut(413)
        return self.is_cut

    def note_answer(self) -> None:
        self._is_answered.set()

    async def until_over(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LINGER_SECONDS):
                await self._is_over.wait()

    @property
    def _deadline(self) -> float:
        return self._began + BODY_SECONDS + self._count / BYTES_A_SECOND

    async def _is_known(self) -> bool:
        """Look up the caller's key, once."""
        secret = auth.secret_in(self.request)
        try:
            async with ThreadSensitiveContext():
                is_known = bool(secret) and await in_thread(keys.find)(secret) is not None
        except (OperationalError, InterfaceError) as error:
            log.warning("could not look up the key of a large request: %s", error)
            self._cut(503)
            return True
        self.is_for_keys = not is_known
        return is_known

    def _cut(self, status: int) -> None:
        self.is_cut, self.status = True, status

    def _end(self) -> Message:
        self._is_whole = True
        return _END

    async def _until_disconnected(self) -> Message:
        """Drop what still comes: Django only waits for the client to leave."""
        if self.is_cut and not self._count:
            # To read asks a client that sent `Expect: 100-continue` for the body.
            await self._is_answered.wait()
        while (message := await self.raw_receive())["type"] != "http.disconnect":
            if not message.get("more_body", False):
                self._is_over.set()
        self._is_over.set()
        return message


class LimitBodies:
    """ASGI middleware around Django's handler."""

    def __init__(self, app: App) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = dict(scope["headers"])
        if b"transfer-encoding" not in headers and headers.get(b"content-length", b"0") == b"0":
            await self.app(scope, receive, send)
            return
        try:
            body = _body_of(scope, receive)
        except UnicodeDecodeError:
            # Django answers 400 to such a query, and reads no body with these messages.
            await self.app(scope, _nothing(receive), send)
            return
        if (declared := headers.get(b"content-length", b"")).isdigit():
            await body.is_too_much(int(declared))
        await self.app({**scope, _KEY: body}, body.receive, _closing(body, send))


def cut_off(request: HttpRequest) -> int:
    """The status for a body that was cut off: 413, 408, 503 while PostgreSQL is away, or 0 for others."""
    body: Body | None = getattr(request, "scope", {}).get(_KEY)
    return body.status if body else 0


def _body_of(scope: Scope, receive: Receive) -> Body:
    request = ASGIRequest(scope, BytesIO())
    key_in_path.move_key(request)
    limit, for_keys = settings.DATA_UPLOAD_MAX_MEMORY_SIZE, False
    with contextlib.suppress(Resolver404):
        view = resolve(request.path_info).func
        limit, for_keys = body_sizes.max_bytes_of(view), body_sizes.is_for_keys(view)
    return Body(request, receive, limit=limit, is_for_keys=for_keys)


def _nothing(receive: Receive) -> Receive:
    sent = False

    async def receive_nothing() -> Message:
        nonlocal sent
        if not sent:
            sent = True
            return _END
        while (message := await receive())["type"] != "http.disconnect":
            pass
        return message

    return receive_nothing


def _closing(body: Body, send: Send) -> Send:
    """Close the connection after a body that was cut off: its rest is no request."""

    async def send_and_close(message: Message) -> None:
        if not body.is_cut:
            await send(message)
        elif message["type"] == "http.response.start":
            await send({**message, "headers": [*message["headers"], (b"connection", b"close")]})
            body.note_answer()
        elif message.get("more_body", False):
            await send(message)
        else:
            # The client has all of the response, and the connection stays open a little.
            await send({**message, "more_body": True})
            await body.until_over()
            await send({"type": "http.response.body"})

    return send_and_close
