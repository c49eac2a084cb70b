"""An engine without a queue, for management commands."""

from collections.abc import Iterator, Mapping

from generation.engine.events import Event, Failed, Finished
from generation.engine.loading.loader import Loader
from generation.engine.loop.engine import Engine
from generation.engine.request import GenerationRequest
from generation.worker.device import device_name


class RunFailed(Exception):
    """A run ended without images; the message names it and says why."""


class LocalEngine:
    """Runs requests in this process, on this machine's device. Loads the bundled checkpoint only."""

    def __init__(self) -> None:
        self._loader = Loader()
        self._engine = Engine(loader=self._loader, preview_interval=0)

    @property
    def device(self) -> str:
        """The device's name."""
        return device_name(self._loader.device)

    def run(
        self, requests: Mapping[str, GenerationRequest], *, previews: bool = False
    ) -> Iterator[Event]:
        """Run the requests together and yield their events by key. Raises RunFailed."""
        for key, request in requests.items():
            self._engine.submit(request, key=key, wants_preview=lambda: previews)
        ends = len(requests)
        while ends:
            self._engine.wait(1)
            for event in self._engine.step():
                if isinstance(event, Failed):
                    raise RunFailed(f"{event.key}: {event.message} {event.detail}")
                ends -= isinstance(event, Finished)
                yield event

    def close(self) -> None:
        """Release the checkpoint's memory."""
        self._loader.close()
