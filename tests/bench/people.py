"""Users of a running site: they sign up, watch over a websocket, fetch images."""

import json
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import UUID

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from generation.engine.request import GenerationRequest
from tests.bench.browser import PATIENCE_SECONDS, Browser, NoAnswer, expect
from tests.bench.wishes import studio_form
from tests.running import Site

PASSWORD = "correct horse battery staple"
FINAL = ("succeeded", "failed", "canceled")
UUID_BYTES = 16


@dataclass(frozen=True, kw_only=True)
class Wait:
    """Seconds since the job was sent off: to the first preview, if one came; to being told of the picture; to having it.

    `picture_bytes` is what the picture weighed.
    """

    preview: float | None
    told: float
    picture: float
    picture_bytes: int


class Person:
    """A user on trial with a confirmed address, signed in."""

    def __init__(self, site: Site, address: str) -> None:
        self._site = site
        self._browser = Browser(site)
        self.frame_bytes: list[int] = []
        """What each preview weighed that was told to this person."""
        self._socket: ClientConnection | None = None
        self._sign_up(address)

    def _sign_up(self, address: str) -> None:
        self._browser.get("/accounts/signup/")
        self._browser.post("/accounts/signup/", {"email": address, "password1": PASSWORD})
        mail = re.compile(rf"mail to {re.escape(address)}: (\S+)")
        expect(lambda: mail.search(self._site.output), self._site, f"no mail came to {address}")
        code = mail.search(self._site.output)
        assert code is not None
        confirmed = self._browser.post("/accounts/confirm-email/", {"code": code[1]})
        assert confirmed.location == "/studio/", confirmed

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Have a page open, whose websocket is told everything about this person's jobs."""
        try:
            socket = connect(
                f"ws://127.0.0.1:{self._browser.port}/ws/jobs/",
                origin=self._browser.origin,
                additional_headers={"Cookie": self._browser.cookie_header},
                compression=None,
            )
        except OSError as error:
            raise NoAnswer(self._site, f"no websocket: {error!r}") from error
        with socket as self._socket:
            assert json.loads(self._told())["type"] == "jobs.snapshot"
            yield
        self._socket = None

    @contextmanager
    def moved_to(self, port: int) -> Iterator[None]:
        """Reach the site by another port of this machine, until then."""
        self._browser.port = port
        yield
        self._browser.port = self._site.port

    @contextmanager
    def looking_on(self) -> Iterator[None]:
        """Have a page open that takes in whatever it is told."""
        with self.watching():
            assert self._socket is not None
            reader = threading.Thread(target=_drain, args=[self._socket])
            reader.start()
            yield
        reader.join()

    def ask_for(self, request: GenerationRequest) -> str:
        """Send the studio's form off; return the job's id."""
        answer = self._browser.post("/studio/", studio_form(request))
        job = re.search(r"job=([\w-]+)", answer.location)
        assert job, f"{answer.status}: the form was refused"
        return job[1]

    def make(self, request: GenerationRequest) -> Wait:
        """Ask for a picture, see it appear and fetch it, as the studio's page does."""
        began = time.perf_counter()
        job = self.ask_for(request)
        preview = self._watch(job)
        told = time.perf_counter()
        card = self._browser.get(f"/jobs/{job}/card/").body.decode()
        file = re.search(r'<img src="([^"]+)"', card)
        assert file, card
        picture = self._browser.get(file[1]).body
        had = time.perf_counter()
        assert picture.startswith(b"\x89PNG")
        return Wait(
            preview=None if preview is None else preview - began,
            told=told - began,
            picture=had - began,
            picture_bytes=len(picture),
        )

    def _watch(self, job: str) -> float | None:
        """Return when the job has ended; say when the first preview of it came."""
        previewed_at = None
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            message = self._told()
            if time.monotonic() > deadline:
                # Pings go on coming for a job that never ends.
                raise NoAnswer(self._site, f"job {job} has not ended")
            if isinstance(message, bytes):
                self.frame_bytes.append(len(message))
                if previewed_at is None and UUID(bytes=message[:UUID_BYTES]) == UUID(job):
                    previewed_at = time.perf_counter()
                continue
            said = json.loads(message)
            if said["type"] == "job.status" and said["job"] == job and said["status"] in FINAL:
                assert said["status"] == "succeeded", said
                return previewed_at

    def _told(self) -> str | bytes:
        """The next message of the page's websocket."""
        assert self._socket is not None
        try:
            return self._socket.recv(PATIENCE_SECONDS)
        except (TimeoutError, ConnectionClosed) as error:
            raise NoAnswer(self._site, f"the websocket is silent: {error!r}") from error


def _drain(socket: ClientConnection) -> None:
    """Read until the connection is closed."""
    for _message in socket:
        pass
