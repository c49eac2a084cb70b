"""A user's past prompts, and settings that they saved under a name."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from generation.engine.enums import PICTURES
from generation.models import Job, StudioPreset

if TYPE_CHECKING:
    from accounts.models import User

MAX_PRESETS = 100
MAX_NAME_LENGTH = 60
# Jobs searched for past prompts, and the most prompts returned.
RECENT_JOBS = 200
RECENT_PROMPTS = 40
# Values of one image, which a preset must not keep.
_NOT_KEPT = {"seed", "keep_seed", *PICTURES}


class TooManyPresets(Exception):
    """The user has MAX_PRESETS presets already."""

    def __init__(self) -> None:
        super().__init__(
            _("You keep %(limit)d presets already. Delete one first.") % {"limit": MAX_PRESETS}
        )


def keep_preset(user: "User", name: str, values: Mapping[str, Any]) -> StudioPreset:
    """Save settings under a name, replacing a preset of that name. Raises TooManyPresets."""
    kept = {key: value for key, value in values.items() if key not in _NOT_KEPT}
    others = StudioPreset.objects.filter(user=user).exclude(name=name)
    if others.count() >= MAX_PRESETS:
        raise TooManyPresets
    preset, _is_new = StudioPreset.objects.update_or_create(
        user=user, name=name, defaults={"values": kept}
    )
    return preset


def prompts(user: "User") -> list[str]:
    """The user's recent prompts without duplicates, latest first."""
    recent = Job.objects.for_user(user).order_by("-created_at", "-id")
    asked = recent.values_list("request__prompt", flat=True)[:RECENT_JOBS]
    return [prompt for prompt in dict.fromkeys(asked) if prompt][:RECENT_PROMPTS]
