"""A minimal browser: it keeps cookies, sends forms, and reports unanswered requests."""

import http.client
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.cookies import SimpleCookie
from urllib.parse import urlencode

from tests.running import Site

PATIENCE_SECONDS = 150
POLL_SECONDS = 0.02
LAST_LINES = 20


class NoAnswer(Exception):
    """The site is gone, or took too long."""

    def __init__(self, site: Site, what: str) -> None:
        ended = site.process.poll()
        state = "runs" if ended is None else f"has ended with status {ended}"
        last = "\n".join(site.lines[-LAST_LINES:])
        super().__init__(f"{what}; the site {state}, and said last:\n{last}")


def expect(
    condition: Callable[[], object],
    site: Site,
    what: str,
    *,
    poll_seconds: float = POLL_SECONDS,
) -> None:
    """Wait for what the site is to bring about. Raises NoAnswer."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        if time.monotonic() > deadline or site.process.poll() is not None:
            raise NoAnswer(site, what)
        time.sleep(poll_seconds)


@dataclass(frozen=True, kw_only=True)
class Answer:
    """The response of a site to one request."""

    status: int
    location: str
    body: bytes


class Browser:
    """Reaches the site by `port`, which may be another than the site's own. Redirects are not followed."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.port = site.port
        self._cookies: dict[str, str] = {}

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def cookie_header(self) -> str:
        return "; ".join(f"{name}={value}" for name, value in self._cookies.items())

    def get(self, path: str) -> Answer:
        return self._answer("GET", path)

    def post(self, path: str, fields: Mapping[str, object]) -> Answer:
        """Send a form, as a page that has its token does."""
        token = next(value for name, value in self._cookies.items() if "csrftoken" in name)
        return self._answer("POST", path, urlencode({**fields, "csrfmiddlewaretoken": token}))

    def _answer(self, method: str, path: str, body: str | None = None) -> Answer:
        try:
            answer = self._request(method, path, body)
        except (OSError, http.client.HTTPException) as error:
            raise NoAnswer(self.site, f"{method} {path}: {error!r}") from error
        assert answer.status < 400, f"{method} {path}: {answer.status}"
        return answer

    def _request(self, method: str, path: str, body: str | None) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_SECONDS)
        headers = {"Cookie": self.cookie_header, "Origin": self.origin}
        if body is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        answer = Answer(
            status=response.status,
            location=response.getheader("Location", ""),
            body=response.read(),
        )
        for header in response.headers.get_all("Set-Cookie", ()):
            self._cookies |= {name: cookie.value for name, cookie in SimpleCookie(header).items()}
        connection.close()
        return answer
