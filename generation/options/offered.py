"""The checkpoints that this installation can use."""

from django.conf import settings

from generation.engine.checkpoints import catalogue
from generation.engine.checkpoints.catalogue import CHECKPOINTS, Checkpoint


def offered() -> list[Checkpoint]:
    """Checkpoints that are present and not known to be damaged, in the catalogue's order."""
    root = settings.CHECKPOINTS_DIR
    return [each for each in CHECKPOINTS.values() if catalogue.is_available(each, root=root)]


def preferred(own: str = "") -> list[Checkpoint]:
    """Offered checkpoints for whoever names none: `own` first, then the site's default, bundled ones last."""
    first = (own, settings.DEFAULT_CHECKPOINT)

    def place(each: Checkpoint) -> tuple[int, bool]:
        return (first.index(each.id) if each.id in first else len(first), each.is_bundled)

    return sorted(offered(), key=place)
