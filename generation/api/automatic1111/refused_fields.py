"""Fields of the web UI that would change the picture and have no counterpart here."""

from collections.abc import Iterator, Mapping
from typing import Any

from django.utils.translation import gettext as _

from generation.api import errors, parsing

# By their values without an effect, which clients send along.
_FLAGS = ("restore_faces", "tiling")
_NUMBERS: Mapping[str, float] = {
    "seed_resize_from_w": 0,
    "seed_resize_from_h": 0,
    "s_churn": 0,
    "s_tmin": 0,
    "s_noise": 1,
    "initial_noise_multiplier": 1,
    "s_min_uncond": 0,
    "eta_noise_seed_delta": 0,
}
# The web UI sends -1 for none.
_SIZES = ("seed_resize_from_w", "seed_resize_from_h")
_TEXTS = ("refiner_checkpoint", "sd_vae")


def require_none(body: Mapping[str, Any]) -> None:
    """Refuse the first such field that has an effect. Raises ApiError."""
    override = body.get("override_settings")
    sent = {**override, **body} if isinstance(override, dict) else body
    if name := next(_in(sent), None):
        raise errors.invalid(name, _("This has no counterpart here. Leave it out."))


def _in(body: Mapping[str, Any]) -> Iterator[str]:
    yield from (name for name in _FLAGS if parsing.boolean(body, name))
    for name, neutral in _NUMBERS.items():
        value = parsing.number(body, name)
        if value is not None and value != neutral and not (value == -1 and name in _SIZES):
            yield name
    yield from (
        name for name in _TEXTS if parsing.text(body, name) not in {"", "None", "Automatic"}
    )
    if body.get("styles"):
        yield "styles"
