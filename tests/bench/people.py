"""People with browsers, as far as a site can tell: they sign up, watch over a websocket, fetch pictures."""

import http.client
import json
import re
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.cookies import SimpleCookie
from urllib.parse import urlencode
from uuid import UUID

from websockets.sync.client import ClientConnection, connect

from generation.engine.request import GenerationRequest
from tests.running import Site, wait_for

PASSWORD = "correct horse battery staple"
PATIENCE_SECONDS = 120
FINAL = ("succeeded", "failed", "canceled")
UUID_BYTES = 16


@dataclass(frozen=True, kw_only=True)
class Wait:
    """Seconds since the job was sent off: to the first preview, if one came; to being told of the picture; to having it."""

    preview: float | None
    told: float
    picture: float


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a site says to one request."""

    status: int
    location: str
    body: bytes


class Person:
    """Somebody with a confirmed address and the trial's minutes, signed in."""

    def __init__(self, site: Site, address: str) -> None:
        self._site = site
        self._port = site.port
        self.frame_bytes: list[int] = []
        """What each preview weighed that was told to this person."""
        self._cookies: dict[str, str] = {}
        self._socket: ClientConnection | None = None
        self._sign_up(address)

    def _sign_up(self, address: str) -> None:
        self.get("/accounts/signup/")
        self.post("/accounts/signup/", {"email": address, "password1": PASSWORD})
        mail = re.compile(rf"mail to {re.escape(address)}: (\S+)")
        wait_for(lambda: mail.search(self._site.output))
        code = mail.search(self._site.output)
        assert code is not None
        confirmed = self.post("/accounts/confirm-email/", {"code": code[1]})
        assert confirmed.location == "/studio/", confirmed

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Have a page open, whose websocket is told everything about this person's jobs."""
        with connect(
            f"ws://127.0.0.1:{self._port}/ws/jobs/",
            origin=self._origin,
            additional_headers={"Cookie": self._cookie_header},
            compression=None,
        ) as self._socket:
            assert json.loads(self._socket.recv(PATIENCE_SECONDS))["type"] == "jobs.snapshot"
            yield
        self._socket = None

    @contextmanager
    def moved_to(self, port: int) -> Iterator[None]:
        """Reach the site by another port of this machine, until then."""
        self._port = port
        yield
        self._port = self._site.port

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
        fields = {
            "prompt": request.prompt,
            "checkpoint": request.checkpoint,
            "shape": "custom",
            "width": request.width,
            "height": request.height,
            "num_inference_steps": request.num_inference_steps,
            "guidance_scale": request.guidance_scale,
            "noise_scheduler": request.noise_scheduler,
            "seed": request.seed,
        }
        answer = self.post("/studio/", fields)
        job = re.search(r"job=([\w-]+)", answer.location)
        assert job, f"{answer.status}: the form was refused"
        return job[1]

    def make(self, request: GenerationRequest) -> Wait:
        """Ask for a picture, see it appear and fetch it, as the studio's page does."""
        began = time.perf_counter()
        job = self.ask_for(request)
        preview = self._watch(job)
        told = time.perf_counter()
        card = self.get(f"/jobs/{job}/card/").body.decode()
        file = re.search(r'<img src="([^"]+)"', card)
        assert file, card
        assert self.get(file[1]).body.startswith(b"\x89PNG")
        return Wait(
            preview=None if preview is None else preview - began,
            told=told - began,
            picture=time.perf_counter() - began,
        )

    def _watch(self, job: str) -> float | None:
        """Return when the job has ended; say when the first preview of it came."""
        assert self._socket is not None
        previewed_at = None
        while True:
            message = self._socket.recv(PATIENCE_SECONDS)
            if isinstance(message, bytes):
                self.frame_bytes.append(len(message))
                if previewed_at is None and UUID(bytes=message[:UUID_BYTES]) == UUID(job):
                    previewed_at = time.perf_counter()
                continue
            said = json.loads(message)
            if said["type"] == "job.status" and said["job"] == job and said["status"] in FINAL:
                assert said["status"] == "succeeded", said
                return previewed_at

    def get(self, path: str) -> Answer:
        return self._request("GET", path)

    def post(self, path: str, fields: Mapping[str, object]) -> Answer:
        """Send a form, as a page that has its token does. Redirects are not followed."""
        token = next(value for name, value in self._cookies.items() if "csrftoken" in name)
        return self._request("POST", path, urlencode({**fields, "csrfmiddlewaretoken": token}))

    def _request(self, method: str, path: str, body: str | None = None) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self._port)
        headers = {"Cookie": self._cookie_header, "Origin": self._origin}
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
        assert answer.status < 400, f"{method} {path}: {answer.status}"
        return answer

    @property
    def _origin(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    @property
    def _cookie_header(self) -> str:
        return "; ".join(f"{name}={value}" for name, value in self._cookies.items())


def _drain(socket: ClientConnection) -> None:
    """Read until the connection is closed."""
    for _message in socket:
        pass
