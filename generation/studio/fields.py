"""Fields of the studio's form: one for each setting of a request."""

from collections.abc import Container
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy, pgettext_lazy

from generation.engine.enums import MaskFill, Mode
from generation.engine.request import (
    MAX_CLIP_SKIP,
    MAX_GUIDANCE_SCALE,
    MAX_IMAGES,
    MAX_MASK_BLUR,
    MAX_MASK_PADDING,
    MAX_NOISE_LEVEL,
    MAX_PROMPT_LENGTH,
    MAX_SEED,
    MAX_STEPS,
)
from generation.images import sources
from generation.options import mode_names, presets
from generation.options.build_request import DEFAULT_STRENGTH
from generation.options.sizes import AS_PICTURE, CUSTOM

SHAPES = [
    (AS_PICTURE, gettext_lazy("As the picture")),
    ("square", gettext_lazy("Square")),
    ("portrait", gettext_lazy("Portrait")),
    ("landscape", gettext_lazy("Landscape")),
    (CUSTOM, gettext_lazy("Custom")),
]
MAX_PADDING = 2_048


def _number(label: Any, low: int, high: int, **options: Any) -> forms.IntegerField:
    return forms.IntegerField(label=label, min_value=low, max_value=high, required=False, **options)


def _hidden_picture(label: Any) -> forms.CharField:
    return forms.CharField(
        label=label,
        required=False,
        max_length=64,
        widget=forms.HiddenInput(attrs={"data-label": label}),
    )


class ModeSelect(forms.RadioSelect):
    """Radio buttons with the data of their modes.

    `data-uses` names the inputs that the page shows, `data-default-strength` fills an empty strength,
    and `data-unavailable` marks a mode that is not in `offered`.
    """

    offered: Container[str] = tuple(Mode)

    def create_option(self, name: str, value: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        option = super().create_option(name, value, *args, **kwargs)
        mode = Mode(value)
        option["attrs"] |= {
            "data-uses": " ".join(mode.uses),
            "data-default-strength": DEFAULT_STRENGTH.get(mode, 1.0),
            "data-unavailable": mode not in self.offered,
        }
        return option


class SettingsFields(forms.Form):
    mode = forms.ChoiceField(
        label=gettext_lazy("Start from"),
        choices=[(mode, name) for mode, name in mode_names.STARTS.items()],
        widget=ModeSelect,
        required=False,
        initial=Mode.TEXT_TO_IMAGE,
    )
    image = _hidden_picture(sources.NAMES["image"])
    mask = _hidden_picture(sources.NAMES["mask"])
    depth = _hidden_picture(sources.NAMES["depth"])
    strength = forms.FloatField(
        label=gettext_lazy("Strength"),
        min_value=0,
        max_value=1,
        required=False,
        widget=forms.NumberInput(attrs={"step": 0.05}),
        help_text=gettext_lazy(
            "0.2 keeps nearly everything, 0.6 keeps the composition, 1 nothing."
        ),
    )
    left = _number(gettext_lazy("Left"), 0, MAX_PADDING)
    top = _number(gettext_lazy("Above"), 0, MAX_PADDING)
    right = _number(gettext_lazy("Right"), 0, MAX_PADDING)
    bottom = _number(gettext_lazy("Below"), 0, MAX_PADDING)
    noise_level = _number(
        gettext_lazy("Noise level"),
        0,
        MAX_NOISE_LEVEL,
        help_text=gettext_lazy("More lets it invent more detail. 20 is right for most."),
    )
    prompt = forms.CharField(
        label=gettext_lazy("What should the picture show?"),
        max_length=MAX_PROMPT_LENGTH,
        required=False,
        widget=forms.Textarea(attrs={"rows": 4, "autofocus": True}),
    )
    negative_prompt = forms.CharField(
        label=gettext_lazy("What should it not show?"),
        max_length=MAX_PROMPT_LENGTH,
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
    )
    checkpoint = forms.ChoiceField(label=gettext_lazy("Model"), widget=forms.RadioSelect)
    shape = forms.ChoiceField(
        label=gettext_lazy("Shape"), choices=SHAPES, widget=forms.RadioSelect, initial="square"
    )
    width = forms.IntegerField(label=gettext_lazy("Width"), required=False)
    height = forms.IntegerField(label=gettext_lazy("Height"), required=False)
    num_images = _number(gettext_lazy("Number of pictures"), 1, MAX_IMAGES)
    num_inference_steps = _number(
        gettext_lazy("Steps"),
        1,
        MAX_STEPS,
        help_text=gettext_lazy("More steps take longer, and often draw finer detail."),
    )
    guidance_scale = forms.FloatField(
        label=gettext_lazy("Guidance"),
        min_value=0,
        max_value=MAX_GUIDANCE_SCALE,
        required=False,
        help_text=gettext_lazy("How closely to follow the prompt. 1 switches it off."),
        widget=forms.NumberInput(attrs={"step": 0.5}),
    )
    noise_scheduler = forms.ChoiceField(label=gettext_lazy("Noise scheduler"), required=False)
    sigma_schedule = forms.ChoiceField(
        label=gettext_lazy("Sigma schedule"),
        required=False,
        help_text=gettext_lazy("How the noise is spread over the steps."),
    )
    refine = forms.BooleanField(label=gettext_lazy("Refine at the end"), required=False)
    seed = _number(
        gettext_lazy("Seed"),
        0,
        MAX_SEED,
        help_text=gettext_lazy("The same seed and settings draw the same picture again."),
    )
    keep_seed = forms.BooleanField(
        label=pgettext_lazy("seed", "Keep for the next picture"), required=False
    )

    clip_skip = _number(
        gettext_lazy("Clip skip"),
        1,
        MAX_CLIP_SKIP,
        help_text=gettext_lazy(
            "The text encoder's layer, counted from the last. Many models like 2."
        ),
    )
    eta = forms.FloatField(
        label=gettext_lazy("Eta"),
        min_value=0,
        max_value=1,
        required=False,
        widget=forms.NumberInput(attrs={"step": 0.1}),
        help_text=gettext_lazy("Share of fresh noise at each step, with DDIM and Euler a."),
    )
    subseed = _number(gettext_lazy("Variation seed"), 0, MAX_SEED)
    subseed_strength = forms.FloatField(
        label=gettext_lazy("Variation strength"),
        min_value=0,
        max_value=1,
        required=False,
        widget=forms.NumberInput(attrs={"step": 0.05}),
        help_text=gettext_lazy("From the seed's picture, 0, to the variation seed's, 1."),
    )
    only_masked = forms.BooleanField(
        label=gettext_lazy("Paint the masked part at full size"), required=False
    )
    mask_padding = _number(
        gettext_lazy("Padding around the mask"),
        0,
        MAX_MASK_PADDING,
        help_text=gettext_lazy("In pixels: how much of the picture around it the model sees."),
    )
    mask_blur = _number(gettext_lazy("Mask blur"), 0, MAX_MASK_BLUR)
    mask_fill = forms.ChoiceField(
        label=gettext_lazy("Start under the mask"),
        required=False,
        choices=[
            ("" if fill is MaskFill.ORIGINAL else fill, name)
            for fill, name in mode_names.MASK_FILLS.items()
        ],
    )

    # A field in which the image must be marked as synthetic, taken from the preset.
    synthetic_for = forms.ChoiceField(
        choices=[(each, each) for each in presets.SYNTHETIC_FIELDS],
        required=False,
        widget=forms.HiddenInput,
    )
