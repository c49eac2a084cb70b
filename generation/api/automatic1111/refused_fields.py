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
_NOTHING = (0, "0", "0.0", "false", "False")
_ONE = (1, "1", "1.0")
# Settings of the web UI itself, by their values without an effect. None and an empty text have none, either.
_OPTIONS: Mapping[str, tuple[Any, ...]] = {
    **dict.fromkeys(
        (
            "tiling",
            "face_restoration",
            "img2img_color_correction",
            "img2img_fix_steps",
            "img2img_extra_noise",
            "token_merging_ratio",
            "token_merging_ratio_img2img",
            "token_merging_ratio_hr",
            "s_churn",
            "s_tmin",
            "s_min_uncond",
            "s_min_uncond_all",
            "sigma_min",
            "sigma_max",
            "rho",
            "skip_early_cond",
            "eta_ddim",
            "eta_noise_seed_delta",
            "sdxl_crop_top",
            "sdxl_crop_left",
            "sgm_noise_multiplier",
            "always_discard_next_to_last_sigma",
            "use_old_emphasis_implementation",
            "use_old_karras_scheduler_sigmas",
            "use_old_scheduling",
        ),
        _NOTHING,
    ),
    **dict.fromkeys(
        ("eta_ancestral", "s_noise", "initial_noise_multiplier", "inpainting_mask_weight"), _ONE
    ),
    "enable_emphasis": (True, "true", "True"),
    "emphasis": ("Original",),
    "comma_padding_backtrack": (20, "20"),
    "sd_noise_schedule": ("Default",),
    "sd_vae": ("None", "Automatic", "auto", *_NOTHING),
    "sd_hypernetwork": ("None",),
    "sd_lora": ("None",),
    "refiner_checkpoint": ("None",),
}


def refused_options(options: Mapping[str, Any]) -> list[str]:
    """Return the names of the web UI's settings that would change pictures, and that no picture here follows."""
    # Zero equals False, and one equals True.
    return [
        name for name, neutral in _OPTIONS.items() if options.get(name) not in (None, "", *neutral)
    ]


def require_no_options(options: Mapping[str, Any]) -> None:
    """Refuse the first of `refused_options`. Raises ApiError."""
    if name := next(iter(refused_options(options)), None):
        raise errors.invalid(name, _("This has no counterpart here. Leave it out."))


def require_none(body: Mapping[str, Any]) -> None:
    """Refuse the first such field that has an effect. Raises ApiError."""
    override = body.get("override_settings")
    if isinstance(override, dict):
        require_no_options({name: override[name] for name in override if name not in body})
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
