"""A person's default settings for the studio."""

from typing import TYPE_CHECKING, Any

from generation.options.offered import offered
from generation.options.sizes import AS_PICTURE, CUSTOM
from generation.studio.forms import GenerationForm

if TYPE_CHECKING:
    from accounts.models import User

FIELDS = (
    "checkpoint",
    "shape",
    "num_images",
    "num_inference_steps",
    "guidance_scale",
    "noise_scheduler",
    "sigma_schedule",
)


class DefaultsForm(GenerationForm):
    """The reusable settings of the studio's form. Empty settings stay the model's."""

    field_order = FIELDS

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in self.fields.keys() - set(FIELDS):
            del self.fields[name]
        shape: Any = self.fields["shape"]
        # A custom or input image's size belongs to one image only.
        shape.choices = [each for each in shape.choices if each[0] not in {AS_PICTURE, CUSTOM}]

    def clean(self) -> dict[str, Any]:
        """Skip validation of a complete request; the fields validate themselves."""
        return self.cleaned_data

    def save(self, user: "User") -> None:
        chosen = {name: self.cleaned_data[name] for name in FIELDS}
        user.studio_defaults = {k: v for k, v in chosen.items() if v not in {None, ""}}
        user.save(update_fields=["studio_defaults"])


def initial(user: "User") -> dict[str, Any]:
    """Initial values of the studio, without a model that is no longer installed."""
    values = dict(user.studio_defaults)
    if values.get("checkpoint") not in {checkpoint.id for checkpoint in offered()}:
        values.pop("checkpoint", None)
    return values
