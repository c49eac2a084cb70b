"""Identity of a checkpoint's files, read in a thread: a file system that hangs must not stop the engine."""

import logging
import threading
from concurrent.futures import Future
from pathlib import Path

from generation.engine.checkpoints.store import identity

logger = logging.getLogger(__name__)

# A walk takes milliseconds, also on a network file system that is well.
PATIENCE_SECONDS = 1.0


class FilesCheck:
    """Not thread-safe: the engine's loop owns it."""

    def __init__(self) -> None:
        self._hanging: dict[Path, Future[str]] = {}

    def identity(self, folder: Path) -> str:
        """The identity of the files now; empty without files, or if the file system does not answer.

        While an earlier call hangs, it returns at once.
        """
        if hanging := self._hanging.get(folder):
            if not hanging.done():
                return ""
            # Its answer may be as old as the question.
            del self._hanging[folder]
        answer: Future[str] = Future()
        threading.Thread(target=_look, args=[folder, answer], name="files", daemon=True).start()
        try:
            return answer.result(PATIENCE_SECONDS)
        except TimeoutError:
            logger.warning("the file system of %s does not answer", folder)
            self._hanging[folder] = answer
            return ""


def _look(folder: Path, answer: Future[str]) -> None:
    try:
        answer.set_result(identity.of_folder(folder))
    except Exception as error:  # noqa: BLE001  # raised where it was asked for
        answer.set_exception(error)
