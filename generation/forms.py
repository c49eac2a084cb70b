"""The studio's form: what a person may leave out is filled in, and the engine's own rules check it all."""

import secrets
from collections.abc import Collection, Mapping
from math import sqrt
from typing import Any

from django import forms
from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from generation.engine import catalogue
from generation.engine.catalogue import CHECKPOINTS, Checkpoint
from generation.engine.request import (
    MAX_GUIDANCE_SCALE,
    MAX_PROMPT_LENGTH,
    MAX_SEED,
    MAX_STEPS,
    GenerationRequest,
    InvalidRequest,
    NoiseScheduler,
)

# Width to height; the area is the checkpoint's native one.
ASPECTS: Mapping[str, tuple[int, int]] = {"square": (1, 1), "portrait": (2, 3), "landscape": (3, 2)}
CUSTOM = "custom"
SHAPES = [
    ("square", gettext_lazy("Square")),
    ("portrait", gettext_lazy("Portrait")),
    ("landscape", gettext_lazy("Landscape")),
    (CUSTOM, gettext_lazy("Custom")),
]
NOISE_SCHEDULERS = [
    (NoiseScheduler.DPMPP_2M, "DPM++ 2M"),
    (NoiseScheduler.UNIPC, "UniPC"),
    (NoiseScheduler.EULER, "Euler"),
    (NoiseScheduler.EULER_ANCESTRAL, "Euler a"),
    (NoiseScheduler.DDIM, "DDIM"),
    (NoiseScheduler.HEUN, "Heun"),
    (NoiseScheduler.PNDM, "PNDM"),
]


def size_for(checkpoint: Checkpoint, *, shape: str) -> tuple[int, int]:
    """Width and height, in pixels, that the checkpoint can draw in about its native area."""
    across, down = ASPECTS[shape]
    side = checkpoint.native_size * sqrt(across / down)
    return _fit(side, checkpoint), _fit(side * down / across, checkpoint)


def _fit(side: float, checkpoint: Checkpoint) -> int:
    rounded = round(side / checkpoint.multiple) * checkpoint.multiple
    return min(max(rounded, checkpoint.min_size), checkpoint.max_size)


def offered() -> list[Checkpoint]:
    """The checkpoints that this installation can use, in the catalogue's order."""
    root = settings.CHECKPOINTS_DIR
    return [each for each in CHECKPOINTS.values() if catalogue.is_available(each, root=root)]


def unavailable() -> list[Checkpoint]:
    """The checkpoints that are here, but cannot be used: something is wrong with their files."""
    root = settings.CHECKPOINTS_DIR
    present = [each for each in CHECKPOINTS.values() if catalogue.is_present(each, root=root)]
    return [each for each in present if catalogue.fault_in(each, root=root)]


class CheckpointSelect(forms.Select):
    """Shows the checkpoints that are `unavailable`, but lets nobody choose them."""

    unavailable: Collection[str] = ()

    def create_option(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        option = super().create_option(*args, **kwargs)
        if option["value"] in self.unavailable:
            option["attrs"]["disabled"] = True
        return option


class GenerationForm(forms.Form):
    """Valid exactly if `generation_request` can be submitted. An empty setting is the checkpoint's own."""

    prompt = forms.CharField(
        label=gettext_lazy("What should the picture show?"),
        max_length=MAX_PROMPT_LENGTH,
        error_messages={"required": gettext_lazy("Say what the picture should show.")},
        widget=forms.Textarea(attrs={"rows": 4, "autofocus": True}),
    )
    negative_prompt = forms.CharField(
        label=gettext_lazy("What should it not show?"),
        max_length=MAX_PROMPT_LENGTH,
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
    )
    checkpoint = forms.ChoiceField(label=gettext_lazy("Model"), widget=CheckpointSelect)
    shape = forms.ChoiceField(
        label=gettext_lazy("Shape"), choices=SHAPES, widget=forms.RadioSelect, initial="square"
    )
    width = forms.IntegerField(label=gettext_lazy("Width"), required=False)
    height = forms.IntegerField(label=gettext_lazy("Height"), required=False)
    num_inference_steps = forms.IntegerField(
        label=gettext_lazy("Steps"),
        min_value=1,
        max_value=MAX_STEPS,
        required=False,
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
    seed = forms.IntegerField(
        label=gettext_lazy("Seed"),
        min_value=0,
        max_value=MAX_SEED,
        required=False,
        help_text=gettext_lazy("The same seed and settings draw the same picture again."),
    )
    keep_seed = forms.BooleanField(
        label=pgettext_lazy("seed", "Keep for the next picture"), required=False
    )

    generation_request: GenerationRequest

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.checkpoints = offered()
        names = [(each.id, each.name) for each in self.checkpoints]
        self.fields["checkpoint"].choices = names  # type: ignore[attr-defined]
        self.fields["checkpoint"].initial = names[0][0] if names else None
        self._show_unavailable(names)
        self.fields["noise_scheduler"].choices = [  # type: ignore[attr-defined]
            ("", _("The model's own")),
            *NOISE_SCHEDULERS,
        ]
        self._show_defaults()

    def clean(self) -> dict[str, Any]:
        values = self.cleaned_data
        if self.errors:
            return values
        try:
            self.generation_request = _request_from(values)
        except InvalidRequest as error:
            for name, message in error.errors.items():
                self.add_error(name, _in_this_language(message))
        return values

    def _show_unavailable(self, names: list[tuple[str, str]]) -> None:
        widget = self.fields["checkpoint"].widget
        missing = unavailable()
        widget.unavailable = {each.id for each in missing}
        widget.choices = names + [
            (each.id, _("%(name)s (unavailable)") % {"name": each.name}) for each in missing
        ]

    def _show_defaults(self) -> None:
        """Show in each empty field what it stands for with the checkpoint that is chosen."""
        chosen = self["checkpoint"].value()
        checkpoint = CHECKPOINTS.get(chosen) or next(iter(self.checkpoints), None)
        if checkpoint is None:
            return
        for name in ("num_inference_steps", "guidance_scale"):
            self.fields[name].widget.attrs["placeholder"] = getattr(checkpoint, name)
        for name in ("width", "height"):
            self.fields[name].widget.attrs |= {
                "min": checkpoint.min_size,
                "max": checkpoint.max_size,
                "step": checkpoint.multiple,
                "placeholder": checkpoint.native_size,
            }
        self.fields["seed"].widget.attrs["placeholder"] = _("random")


def _request_from(values: dict[str, Any]) -> GenerationRequest:
    """Raises InvalidRequest."""
    checkpoint = catalogue.get(values["checkpoint"])
    native = checkpoint.native_size
    if values["shape"] == CUSTOM:
        width, height = _or(values["width"], native), _or(values["height"], native)
    else:
        width, height = size_for(checkpoint, shape=values["shape"])
    return GenerationRequest(
        prompt=values["prompt"],
        negative_prompt=values["negative_prompt"],
        checkpoint=checkpoint.id,
        width=width,
        height=height,
        num_inference_steps=_or(values["num_inference_steps"], checkpoint.num_inference_steps),
        guidance_scale=_or(values["guidance_scale"], checkpoint.guidance_scale),
        noise_scheduler=NoiseScheduler(values["noise_scheduler"] or checkpoint.noise_scheduler),
        seed=_or(values["seed"], secrets.randbelow(MAX_SEED + 1)),
    )


def _or(value: Any, default: Any) -> Any:
    """`default` for what was left empty; zero is a value."""
    return default if value is None else value


def _in_this_language(message: str) -> str:
    msgid = getattr(message, "msgid", message)
    return _(msgid) % getattr(message, "params", {}) if msgid else message


def values_of(request: GenerationRequest, *, seed: int | None = None) -> dict[str, Any]:
    """The form's initial values that ask for the same picture, with this seed or a new one."""
    checkpoint = CHECKPOINTS.get(request.checkpoint)
    size = (request.width, request.height)
    shapes = [
        shape for shape in ASPECTS if checkpoint and size_for(checkpoint, shape=shape) == size
    ]
    return {
        **request.to_dict(),
        "shape": shapes[0] if shapes else CUSTOM,
        "seed": seed,
        "keep_seed": seed is not None,
    }
