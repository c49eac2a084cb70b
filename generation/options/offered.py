"""The checkpoints that this installation can use."""

from django.conf import settings

from generation.engine.checkpoints import catalogue
from generation.engine.checkpoints.catalogue import CHECKPOINTS, Checkpoint


def offered() -> list[Checkpoint]:
    """Checkpoints that are present and not known to be damaged, in the catalogue's order."""
    root = settings.CHECKPOINTS_DIR
    return [each for each in CHECKPOINTS.values() if catalogue.is_available(each, root=root)]
