"""The studio's form: fills in empty settings and validates them by the engine's rules."""

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.utils.functional import cached_property
from django.utils.translation import gettext as _

from billing.plans import plan_of
from generation.engine.checkpoints import catalogue
from generation.engine.checkpoints.catalogue import CHECKPOINTS, Checkpoint
from generation.engine.enums import PICTURES, Mode
from generation.engine.request import GenerationRequest, InvalidRequest
from generation.engine.request.sampler_names import SAMPLERS, SCHEDULES
from generation.images import sources
from generation.images.sources import Source
from generation.options.build_request import SIDES, request_from
from generation.options.engine_messages import translated
from generation.options.offered import offered
from generation.studio.fields import SettingsFields

if TYPE_CHECKING:
    from accounts.models import User


class GenerationForm(SettingsFields):
    """A valid form has a `generation_request`. An empty setting means the checkpoint's default.

    `image`, `mask` and `depth` are digests of the user's uploads. Inputs that the chosen mode ignores
    stay in the form, for a change back, but not in the request.
    """

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
        self.fields["sigma_schedule"].choices = [  # type: ignore[attr-defined]
            ("", _("Default")),
            *SCHEDULES.items(),
        ]
        self._show_defaults()

    def clean(self) -> dict[str, Any]:
        values = self.cleaned_data
        if self.errors:
            return values
        try:
            self.generation_request = self._request(values)
        except InvalidRequest as error:
            self.explain(error)
        return values

    def explain(self, invalid: InvalidRequest) -> None:
        """Add the errors to their fields."""
        for name, message in invalid.errors.items():
            field = self._field_for(name)
            self.add_error(field if field in self.fields else None, translated(message))

    def _request(self, values: dict[str, Any]) -> GenerationRequest:
        """Raises InvalidRequest."""
        if self._user is None:
            return request_from(values, picture=None)
        grows = values["mode"] == Mode.OUTPAINT
        return request_from(
            values,
            picture=sources.size_of(self._user, values["image"]),
            max_pixels=plan_of(self._user).max_pixels if grows else None,
        )

    @property
    def unavailable(self) -> list[Checkpoint]:
        """Checkpoints that are installed but have damaged files."""
        root = settings.CHECKPOINTS_DIR
        present = [each for each in CHECKPOINTS.values() if catalogue.is_present(each, root=root)]
        return [each for each in present if catalogue.problem_with(each, root=root)]

    @property
    def chosen(self) -> Checkpoint | None:
        """The selected checkpoint, or the default."""
        id = self["checkpoint"].value()
        return CHECKPOINTS.get(id) or next(iter(self.checkpoints), None)

    @cached_property
    def sources(self) -> dict[str, Source]:
        """The user's selected input images by field; images of others are left out."""
        if self._user is None:
            return {}
        named = {field: self[field].value() for field in PICTURES}
        chosen = {field: digest for field, digest in named.items() if digest}
        return {each.field: each for each in sources.find(self._user, chosen)}

    def _field_for(self, name: str) -> str:
        """The form field for a field of GenerationRequest."""
        return {"padding": SIDES[0], "refiner_share": "refine"}.get(name, name)

    def _show_defaults(self) -> None:
        """Show the selected checkpoint's defaults as placeholders."""
        checkpoint = self.chosen
        if checkpoint is None:
            return
        self.fields["mode"].widget.offered = checkpoint.modes
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
        for name in ("mask_blur", "mask_padding", "clip_skip"):
            self.fields[name].widget.attrs["placeholder"] = getattr(GenerationRequest, name)
        self.fields["seed"].widget.attrs["placeholder"] = _("random")
