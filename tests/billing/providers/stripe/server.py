"""The fake Stripe's HTTP server: API key, version, and idempotency keys."""

import json
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from django.utils import timezone

from tests.billing.providers.stripe import params
from tests.billing.providers.stripe.account import Account
from tests.billing.providers.stripe.params import Params, Refused
from tests.billing.providers.stripe.routes import Route, find

KEY = "sk_test_of_the_fake"
LIVE_KEY = "sk_live_of_the_fake"
DAY = 86_400


@dataclass
class Asked:
    """A request under an idempotency key, and its answer after it has one."""

    path: str
    body: str
    at: float
    answer: tuple[int, Any] | None = None


@dataclass
class Keys:
    """Idempotency keys as Stripe keeps them: for a day, with the parameters of the first request."""

    known: dict[str, Asked] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(
        self, key: str | None, path: str, body: str, make: Callable[[], tuple[int, Any]]
    ) -> tuple[int, Any, bool]:
        """Status, answer, and whether it is the first one's again. Raises Refused."""
        if key is None:
            return *make(), False
        now = timezone.now().timestamp()
        with self.lock:
            asked = self.known.get(key)
            if asked is not None and now - asked.at < DAY:
                return self._again(asked, path, body)
            self.known[key] = mine = Asked(path, body, now)
        try:
            mine.answer = make()
        except Refused as refusal:
            # A request that was refused before anything was tried leaves no trace.
            if refusal.status != 402:
                del self.known[key]
                raise
            mine.answer = refusal.status, {"error": refusal.error}
        return *mine.answer, False

    def _again(self, asked: Asked, path: str, body: str) -> tuple[int, Any, bool]:
        if (asked.path, asked.body) != (path, body):
            raise Refused(
                "Keys for idempotent requests can only be used with the same parameters they were "
                "first used with.",
                type="idempotency_error",
            )
        if asked.answer is None:
            raise Refused(
                "There is currently another in-progress request using this idempotency key.",
                code="idempotency_key_in_use",
                status=409,
            )
        return *asked.answer, True


class FakeStripe:
    """A Stripe of our own on 127.0.0.1. `account` is what it knows, `log` what it was asked.

    Live mode shares nothing with test mode but the account's id.
    """

    def __init__(self) -> None:
        self.account = Account()
        self.live = Account()
        self.keys = Keys()
        self.log: list[str] = []
        self.mistakes: list[str] = []
        self.is_down = False
        # Paths that the key has no permission for.
        self.forbidden: set[str] = set()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    @contextmanager
    def running(self) -> Iterator["FakeStripe"]:
        thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            thread.join()
            self._server.server_close()
        assert not self.mistakes, "\n".join(self.mistakes)

    def respond(self, method: str, target: str, body: str, headers: Any) -> tuple[int, Any, bool]:
        path = urlsplit(target).path
        self.log.append(f"{method} {path}")
        try:
            if self.is_down:
                raise Refused("We are down.", status=503, type="api_error")
            account = self._authorized(headers)
            if path in self.forbidden:
                raise Refused("This key does not have the required permissions.", status=403)
            route, ids = find(method, path)
            asked = params.check(
                params.decode(urlsplit(target).query if method == "GET" else body), route.params
            )
            key = headers.get("Idempotency-Key") if method == "POST" else None
            # Each mode has its own.
            key = key and f"{id(account)} {key}"
            return self.keys.answer(
                key, path, body, lambda: self._answer(account, route, ids, asked)
            )
        except Refused as refusal:
            return refusal.status, {"error": refusal.error}, False
        except Exception as error:  # noqa: BLE001  # the fake's own mistake: the test has to fail
            self.mistakes.append("".join(traceback.format_exception(error)))
            return 400, {"error": {"message": repr(error), "type": "fake_error"}}, False

    def _answer(
        self, account: Account, route: Route, ids: tuple[str, ...], asked: Params
    ) -> tuple[int, Any]:
        with account.lock:
            return 200, route.answer(account, *ids, asked=asked)

    def _authorized(self, headers: Any) -> Account:
        """The account and mode of the key."""
        accounts = {f"Bearer {KEY}": self.account, f"Bearer {LIVE_KEY}": self.live}
        if (authorization := headers.get("Authorization")) not in accounts:
            raise Refused("Invalid API Key provided", status=401)
        if not headers.get("Stripe-Version"):
            raise Refused("No API version was sent.")
        return accounts[authorization]

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        fake = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            # The head and the body are sent apart: the second would wait for the first to be acknowledged.
            disable_nagle_algorithm = True

            def _respond(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
                status, answer, again = fake.respond(self.command, self.path, body, self.headers)
                payload = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(payload)))
                self.send_header("Request-Id", f"req_{len(fake.log)}")
                if again:
                    self.send_header("Idempotent-Replayed", "true")
                self.end_headers()
                self.wfile.write(payload)

            do_GET = do_POST = do_DELETE = _respond  # noqa: N815  # the names that it calls

            def log_message(self, *args: object) -> None:
                """Tests are quiet."""

        return Handler
