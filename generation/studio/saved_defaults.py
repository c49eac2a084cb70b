"""What the studio's form starts with: a person's own settings, in place of the model's."""

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
)


class DefaultsForm(GenerationForm):
    """The studio's form with no picture in mind. What is left empty stays the model's own."""

    field_order = FIELDS

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in self.fields.keys() - set(FIELDS):
            del self.fields[name]
        shape: Any = self.fields["shape"]
        # One picture's size is not that of all that follow.
        shape.choices = [each for each in shape.choices if each[0] not in {AS_PICTURE, CUSTOM}]

    def clean(self) -> dict[str, Any]:
        """The fields say for themselves what they take; there is no request to be checked."""
        return self.cleaned_data

    def save(self, user: "User") -> None:
        chosen = {name: self.cleaned_data[name] for name in FIELDS}
        user.studio_defaults = {k: v for k, v in chosen.items() if v not in {None, ""}}
        user.save(update_fields=["studio_defaults"])


def initial(user: "User") -> dict[str, Any]:
    """The studio's initial values. A model that is no longer installed is not among them."""
    values = dict(user.studio_defaults)
    if values.get("checkpoint") not in {checkpoint.id for checkpoint in offered()}:
        values.pop("checkpoint", None)
    return values
