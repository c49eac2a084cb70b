"""A user's past prompts, and settings that they saved under a name."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from generation.models import Job, StudioPreset

if TYPE_CHECKING:
    from accounts.models import User

MAX_PRESETS = 100
MAX_NAME_LENGTH = 60
# How far back past prompts are looked for, and how many different ones are shown.
RECENT_JOBS = 200
RECENT_PROMPTS = 40
# What belongs to one picture and not to a way of making them.
_NOT_KEPT = {"seed", "keep_seed", "image", "mask", "depth"}


class TooManyPresets(Exception):
    """The user keeps as many settings as one may."""

    def __init__(self) -> None:
        super().__init__(
            _("You keep %(limit)d presets already. Delete one first.") % {"limit": MAX_PRESETS}
        )


def keep_preset(user: "User", name: str, values: Mapping[str, Any]) -> StudioPreset:
    """Keep settings under a name, in place of what had it before. Raises TooManyPresets."""
    kept = {key: value for key, value in values.items() if key not in _NOT_KEPT}
    others = StudioPreset.objects.filter(user=user).exclude(name=name)
    if others.count() >= MAX_PRESETS:
        raise TooManyPresets
    preset, _is_new = StudioPreset.objects.update_or_create(
        user=user, name=name, defaults={"values": kept}
    )
    return preset


def prompts(user: "User") -> list[str]:
    """The prompts that the user asked with lately, each once, the latest first."""
    recent = Job.objects.for_user(user).order_by("-created_at", "-id")
    asked = recent.values_list("request__prompt", flat=True)[:RECENT_JOBS]
    return [prompt for prompt in dict.fromkeys(asked) if prompt][:RECENT_PROMPTS]
