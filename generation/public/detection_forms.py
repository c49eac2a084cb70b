from django import forms
from django.utils.translation import gettext_lazy as _

from generation.images import uploads


class PictureForm(forms.Form):
    """An image to inspect; it is not stored."""

    picture = forms.FileField(
        label=_("Picture"),
        help_text=_("PNG, JPEG, WebP, AVIF or HEIC, up to 20 MB. It is looked at and not kept."),
        error_messages={
            "required": _("Choose a picture."),
            "empty": uploads.REASONS["empty"],
        },
        widget=forms.FileInput(
            attrs={"accept": "image/png,image/jpeg,image/webp,image/avif,image/heic,image/heif"}
        ),
    )
