"""A fake hub: an HTTP server with the endpoints that a download needs, and faults on demand."""

import hashlib
import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

TOKEN = "hf_of_the_operator"
STRANGERS_TOKEN = "hf_of_a_stranger"
# Files of at least this size are listed with their SHA-256, as on the real hub.
LARGE = 1_000


@dataclass
class Repository:
    """A repository's commits, newest last, each a mapping from path to content.

    The hub announces `announced` contents in place of the real ones, closes the connection after so
    many bytes of a file as `breaks` says (each number once), and refuses what is `gated` or `private`.
    """

    commits: dict[str, Mapping[str, bytes]]
    gated: bool = False
    private: bool = False
    license: str = "creativeml-openrail-m"
    announced: dict[str, bytes] = field(default_factory=dict)
    breaks: dict[str, list[int]] = field(default_factory=dict)

    @property
    def newest(self) -> str:
        return list(self.commits)[-1]


class FakeHub:
    """Serves `repositories` at `endpoint`; `served` counts the bytes of each file that went out."""

    def __init__(self) -> None:
        self.repositories: dict[str, Repository] = {}
        self.knows_ranges = True
        self.served: dict[str, int] = {}
        self.asked: list[str] = []
        hub = self

        class Handler(_Handler):
            served_by = hub

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def commit(files: Mapping[str, bytes]) -> str:
    """A commit's name, of forty digits, by what is in it."""
    return hashlib.sha1(repr(sorted(files.items())).encode(), usedforsecurity=False).hexdigest()


def repository(folder: Path, **options: object) -> Repository:
    """A repository of one commit with a folder's files."""
    files = {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
    return Repository({commit(files): files}, **options)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # The head and the body are sent apart: the second would wait for the first to be acknowledged.
    disable_nagle_algorithm = True
    served_by: FakeHub

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        path = unquote(urlsplit(self.path).path)
        self.served_by.asked.append(path)
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        if token not in {"", TOKEN, STRANGERS_TOKEN}:
            self._refuse(401, message="Invalid credentials in Authorization header")
        elif path.startswith("/api/models/"):
            name, _, revision = path.removeprefix("/api/models/").partition("/revision/")
            self._tell(name, revision, token)
        else:
            name, _, rest = path.removeprefix("/").partition("/resolve/")
            revision, _, file = rest.partition("/")
            self._send(name, revision, file, token)

    def _tell(self, name: str, revision: str, token: str) -> None:
        found = self.served_by.repositories.get(name)
        if found is None or (found.private and token != TOKEN):
            self._refuse(404 if token else 401, code="RepoNotFound")
            return
        revision = revision or found.newest
        if revision not in found.commits:
            self._refuse(404, code="RevisionNotFound")
            return
        files = found.commits[revision] | found.announced
        told = {
            "id": name,
            "sha": revision,
            "gated": "manual" if found.gated else False,
            "cardData": {"license": found.license},
            "siblings": [_sibling(path, content) for path, content in files.items()],
        }
        self._answer(200, json.dumps(told).encode())

    def _send(self, name: str, revision: str, path: str, token: str) -> None:
        found = self.served_by.repositories[name]
        if found.gated and token != TOKEN:
            self._refuse(403 if token else 401, code="GatedRepo")
            return
        content = found.commits[revision].get(path)
        if content is None:
            self._refuse(404, code="EntryNotFound")
            return
        start = self._start()
        if start and start >= len(content):
            self._refuse(416)
            return
        breaks = found.breaks.get(path, [])
        self._answer(206 if start else 200, content[start:], breaks=breaks, path=path)

    def _start(self) -> int:
        asked = self.headers.get("Range", "bytes=0-")
        if not self.served_by.knows_ranges:
            return 0
        return int(asked.removeprefix("bytes=").partition("-")[0])

    def _refuse(self, status: int, *, code: str = "", message: str = "") -> None:
        self.send_response(status)
        if code:
            self.send_header("X-Error-Code", code)
        if message:
            self.send_header("X-Error-Message", message)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _answer(
        self, status: int, content: bytes, *, breaks: list[int] | None = None, path: str = ""
    ) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if breaks:
            content = content[: breaks.pop(0)]
            self.close_connection = True
        self.wfile.write(content)
        if path:
            served = self.served_by.served
            served[path] = served.get(path, 0) + len(content)


def _sibling(path: str, content: bytes) -> dict[str, object]:
    told: dict[str, object] = {"rfilename": path, "size": len(content)}
    if len(content) >= LARGE:
        digest = hashlib.sha256(content).hexdigest()
        told["lfs"] = {"size": len(content), "sha256": digest, "pointerSize": 134}
        told["blobId"] = "0" * 40
    else:
        header = b"blob %d\0" % len(content)
        told["blobId"] = hashlib.sha1(header + content, usedforsecurity=False).hexdigest()
    return told
