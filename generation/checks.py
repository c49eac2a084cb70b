"""What is wrong with an installation that only its operator can mend."""

from typing import Any

from django.conf import settings
from django.core import checks

from generation.engine.shelf import keeping


@checks.register
def checkpoints_are_whole(**kwargs: Any) -> list[checks.CheckMessage]:
    return [
        checks.Warning(
            f"The checkpoint {entry.id} cannot be used. {entry.fault}",
            hint="Fetch it again, or remove it: see `manage.py checkpoints`.",
            id="generation.W001",
        )
        for entry in keeping.entries(settings.CHECKPOINTS_DIR)
        if entry.fault
    ]
