"""The thread that looks after a worker's surroundings: its model store and the site's media store.

A file system that hangs stops this thread alone. What it found last expires, and then the worker claims
nothing.
"""

import logging
import threading
import time

from django.conf import settings
from django.db import DatabaseError, InterfaceError, close_old_connections

from generation import jobs
from generation.engine.checkpoints import catalogue
from generation.engine.checkpoints.catalogue import CHECKPOINTS
from generation.images import marker

log = logging.getLogger(__name__)

SURVEY_SECONDS = 2.0
# A finding is good for so long: a few surveys, and a short outage of PostgreSQL.
EXPIRY_SECONDS = 30.0


class Survey:
    """Call `run` in a thread of its own; any thread may read the findings."""

    def __init__(self) -> None:
        self.checkpoints: frozenset[str] = frozenset()
        self.sees_media = True
        self._looked_at = float("-inf")
        # Carriers look, too: an older look must not overwrite what a newer one found.
        self._looking = threading.Lock()

    @property
    def usable(self) -> frozenset[str]:
        """The checkpoints for which the worker may claim jobs now."""
        is_fresh = time.monotonic() - self._looked_at < EXPIRY_SECONDS
        return self.checkpoints if self.sees_media and is_fresh else frozenset()

    def run(self, is_closed: threading.Event) -> None:
        """Look again and again, and ring for jobs that have become possible."""
        while True:
            before = self.usable
            try:
                self.look()
                if self.usable - before:
                    jobs.ring_for_waiting()
            except (DatabaseError, InterfaceError, OSError) as error:
                log.warning("could not look at the stores: %s", error)
            close_old_connections()
            if is_closed.wait(SURVEY_SECONDS):
                return

    def look(self) -> None:
        """Look at both stores now. Raises an error of the database or the file system."""
        with self._looking:
            self._look()

    def _look(self) -> None:
        root = settings.CHECKPOINTS_DIR
        found = frozenset(
            each.id for each in CHECKPOINTS.values() if catalogue.is_available(each, root=root)
        )
        sees_media = marker.is_visible()
        if self.sees_media and not sees_media:
            log.warning("the media store lacks the marker of the web processes: no job is claimed")
        elif sees_media and not self.sees_media:
            log.info("the media store has the marker of the web processes")
        self.checkpoints, self.sees_media = found, sees_media
        self._looked_at = time.monotonic()
