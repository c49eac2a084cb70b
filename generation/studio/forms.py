"""The studio's form: what a person may leave out is filled in, and the engine's own rules check it all."""

from typing import TYPE_CHECKING, Any

from django import forms
from django.conf import settings
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from billing.plans import plan_of
from generation.engine.checkpoints import catalogue
from generation.engine.checkpoints.catalogue import CHECKPOINTS, Checkpoint
from generation.engine.enums import Mode
from generation.engine.request import (
    MAX_GUIDANCE_SCALE,
    MAX_IMAGES,
    MAX_NOISE_LEVEL,
    MAX_PROMPT_LENGTH,
    MAX_SEED,
    MAX_STEPS,
    GenerationRequest,
    InvalidRequest,
)
from generation.engine.request.infotext import SAMPLERS
from generation.images import uploads
from generation.options import mode_names, presets
from generation.options.build_request import SIDES, request_from
from generation.options.offered import offered
from generation.options.sizes import AS_PICTURE, CUSTOM

if TYPE_CHECKING:
    from accounts.models import User

SHAPES = [
    (AS_PICTURE, gettext_lazy("As the picture")),
    ("square", gettext_lazy("Square")),
    ("portrait", gettext_lazy("Portrait")),
    ("landscape", gettext_lazy("Landscape")),
    (CUSTOM, gettext_lazy("Custom")),
]
# More room than this around a picture is for a second go.
MAX_ROOM = 2_048


def _number(label: Any, low: int, high: int, **options: Any) -> forms.IntegerField:
    return forms.IntegerField(label=label, min_value=low, max_value=high, required=False, **options)


def _hidden_picture(label: Any) -> forms.CharField:
    return forms.CharField(
        label=label,
        required=False,
        max_length=64,
        widget=forms.HiddenInput(attrs={"data-label": label}),
    )


class GenerationForm(forms.Form):
    """Valid exactly if `generation_request` can be submitted. An empty setting is the checkpoint's own.

    `image`, `mask` and `depth` are digests of uploads of `user`, without whom there are none. What the chosen mode has no use for is
    left out of the request, and kept in the form for when the mode is changed back.
    """

    mode = forms.ChoiceField(
        label=gettext_lazy("Start from"),
        choices=[(mode, name) for mode, name in mode_names.STARTS.items()],
        widget=forms.RadioSelect,
        required=False,
        initial=Mode.TEXT_TO_IMAGE,
    )
    image = _hidden_picture(uploads.NAMES["image"])
    mask = _hidden_picture(uploads.NAMES["mask"])
    depth = _hidden_picture(uploads.NAMES["depth"])
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
    left = _number(gettext_lazy("Left"), 0, MAX_ROOM)
    top = _number(gettext_lazy("Above"), 0, MAX_ROOM)
    right = _number(gettext_lazy("Right"), 0, MAX_ROOM)
    bottom = _number(gettext_lazy("Below"), 0, MAX_ROOM)
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

    # The field in which the picture must not be taken for real, as the preset has it that it came from.
    synthetic_for = forms.ChoiceField(
        choices=[(each, each) for each in presets.SYNTHETIC_FIELDS],
        required=False,
        widget=forms.HiddenInput,
    )

    generation_request: GenerationRequest

    def __init__(self, *args: Any, user: "User | None" = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._user = user
        self.checkpoints = offered()
        names = [(each.id, each.name) for each in self.checkpoints]
        self.fields["checkpoint"].choices = names  # type: ignore[attr-defined]
        self.fields["checkpoint"].initial = names[0][0] if names else None
        self.fields["noise_scheduler"].choices = [  # type: ignore[attr-defined]
            ("", _("The model's own")),
            *SAMPLERS.items(),
        ]
        self._show_defaults()

    def clean(self) -> dict[str, Any]:
        values = self.cleaned_data
        if self.errors:
            return values
        try:
            self.generation_request = self._request(values)
        except InvalidRequest as error:
            for name, message in error.errors.items():
                self.add_error(self._field_for(name), _in_this_language(message))
        return values

    def _request(self, values: dict[str, Any]) -> GenerationRequest:
        """Raises InvalidRequest."""
        if self._user is None:
            return request_from(values, picture=None)
        grows = values["mode"] == Mode.OUTPAINT
        return request_from(
            values,
            picture=uploads.size_of(self._user, values["image"]),
            max_pixels=plan_of(self._user).max_pixels if grows else None,
        )

    @property
    def unavailable(self) -> list[Checkpoint]:
        """The checkpoints that are here, but cannot be used: something is wrong with their files."""
        root = settings.CHECKPOINTS_DIR
        present = [each for each in CHECKPOINTS.values() if catalogue.is_present(each, root=root)]
        return [each for each in present if catalogue.problem_with(each, root=root)]

    @property
    def chosen(self) -> Checkpoint | None:
        """The checkpoint that is chosen, or would be."""
        id = self["checkpoint"].value()
        return CHECKPOINTS.get(id) or next(iter(self.checkpoints), None)

    @cached_property
    def sources(self) -> dict[str, uploads.Source]:
        """The pictures that are chosen, by field, of those that are the user's own."""
        if self._user is None:
            return {}
        named = {field: self[field].value() for field in uploads.FIELDS}
        chosen = {field: digest for field, digest in named.items() if digest}
        return {each.field: each for each in uploads.sources(self._user, chosen)}

    def _field_for(self, name: str) -> str:
        """The field that a request's field is asked for by."""
        return {"padding": SIDES[0], "refiner_share": "refine"}.get(name, name)

    def _show_defaults(self) -> None:
        """Show in each empty field what it stands for with the checkpoint that is chosen."""
        checkpoint = self.chosen
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
        for name in SIDES:
            self.fields[name].widget.attrs |= {"placeholder": 0, "step": 8}
        self.fields["num_images"].widget.attrs["placeholder"] = 1
        self.fields["noise_level"].widget.attrs["placeholder"] = GenerationRequest.noise_level
        self.fields["seed"].widget.attrs["placeholder"] = _("random")


def _in_this_language(message: str) -> str:
    msgid = getattr(message, "msgid", message)
    return _(msgid) % getattr(message, "params", {}) if msgid else message
