"""A slow network in front of a site: its responses share a limit of bytes a second."""

import selectors
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

CHUNK = 1_024
# The system's own buffers on the way would hide from the site that its reader is slow.
BUFFER = 4_096


@contextmanager
def slow_line(port: int, *, bytes_a_second: float) -> Iterator[int]:
    """Listen on another port, which it gives; what comes there goes to `port`."""
    line = _Line(bytes_a_second)
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=_accept, args=[server, port, line], daemon=True).start()
        yield server.getsockname()[1]


class _Line:
    """Lets bytes pass one after the other, each at its time."""

    def __init__(self, bytes_a_second: float) -> None:
        self._seconds = 1 / bytes_a_second
        self._lock = threading.Lock()
        self._free_at = 0.0

    def pass_(self, count: int) -> None:
        """Return once so many more bytes have passed."""
        with self._lock:
            self._free_at = max(self._free_at, time.monotonic()) + count * self._seconds
            passed_at = self._free_at
        time.sleep(max(0.0, passed_at - time.monotonic()))


def _accept(server: socket.socket, port: int, line: _Line) -> None:
    while True:
        try:
            near, _address = server.accept()
        except OSError:
            return
        far = socket.socket()
        far.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
        far.connect(("127.0.0.1", port))
        threading.Thread(target=_connect, args=[near, far, line], daemon=True).start()


def _connect(near: socket.socket, far: socket.socket, line: _Line) -> None:
    """Carry bytes both ways until either side ends."""
    with near, far, selectors.DefaultSelector() as selector:
        selector.register(near, selectors.EVENT_READ)
        selector.register(far, selectors.EVENT_READ)
        while True:
            for key, _events in selector.select():
                try:
                    content = key.fileobj.recv(CHUNK)
                    if key.fileobj is far:
                        line.pass_(len(content))
                    (near if key.fileobj is far else far).sendall(content)
                except OSError:
                    return
                if not content:
                    return
