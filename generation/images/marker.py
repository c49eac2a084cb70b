"""The marker by which a worker knows the media store of the web processes.

Pictures that a worker writes into another store are charged and seen by nobody. Each web process that
starts writes a marker of a new name and records the name in the database, so that not even an old copy
of the media folder has it.
"""

import logging
import threading
import uuid

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import connection, transaction

from generation.models import MediaMarker

log = logging.getLogger(__name__)

FOLDER = "markers"
RETRY_SECONDS = 10.0
_TEXT = b"Workers take jobs only while they see this file. Leave it here.\n"
# The stores that Django knows raise errors of their own libraries.
_ANY_ERROR = Exception


def write() -> None:
    """Write a new marker, record it, and remove the one before. Raises an error of store or database."""
    name = default_storage.save(f"{FOLDER}/{uuid.uuid4()}", ContentFile(_TEXT))
    # The file comes first: a recorded marker is in the store at any time.
    with transaction.atomic():
        row, _is_new = MediaMarker.objects.select_for_update().get_or_create(pk=MediaMarker.ONLY)
        before, row.name = row.name, name
        row.save()
    if before:
        default_storage.delete(before)


def is_visible() -> bool:
    """True if this process's media store has the present marker.

    True also while none is recorded: web processes of the release before write none, and may be upgraded
    after the workers. Raises DatabaseError.
    """
    name = MediaMarker.objects.values_list("name", flat=True).first()
    if not name:
        return True
    try:
        return default_storage.exists(name)
    except _ANY_ERROR as error:
        log.warning("the media store does not answer: %r", error)
        return False


def keep_writing(is_over: threading.Event) -> None:
    """Write a marker, trying again until it is written or `is_over`."""
    while not is_over.is_set():
        try:
            write()
        except _ANY_ERROR as error:
            log.warning("could not write the marker of the media store: %r", error)
            is_over.wait(RETRY_SECONDS)
        else:
            return
        finally:
            connection.close()
