"""Forms of the gallery: filters, a selection, a board's name, a share link."""

from datetime import date
from typing import Any
from uuid import UUID

from django import forms
from django.core.validators import MaxValueValidator, MinValueValidator
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from generation.engine.checkpoints.catalogue import CHECKPOINTS
from generation.gallery.filters import GalleryFilter
from generation.models import Shape

MAX_WORDS_LENGTH = 200
# Stays below DATA_UPLOAD_MAX_NUMBER_FIELDS.
MAX_SELECTED = 500
_DAYS = [MinValueValidator(date(2000, 1, 1)), MaxValueValidator(date(2999, 12, 31))]


class FilterForm(forms.Form):
    """The gallery's query. Invalid fields show an error and filter nothing."""

    q = forms.CharField(
        label=_("Search your prompts"),
        max_length=MAX_WORDS_LENGTH,
        required=False,
        widget=forms.TextInput(attrs={"type": "search"}),
    )
    checkpoint = forms.CharField(
        label=_("Model"), max_length=100, required=False, widget=forms.Select
    )
    shape = forms.ChoiceField(
        label=_("Shape"), required=False, choices=[("", _("All shapes")), *Shape.choices]
    )
    since = forms.DateField(label=_("From"), required=False, validators=_DAYS)
    until = forms.DateField(label=_("Until"), required=False, validators=_DAYS)
    favourite = forms.BooleanField(label=_("Favourites only"), required=False)
    board = forms.IntegerField(required=False, widget=forms.HiddenInput)

    def __init__(self, data: QueryDict) -> None:
        super().__init__(data)
        for name in ("since", "until"):
            widget = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
            self.fields[name].widget = widget
        self.is_valid()

    @property
    def filters(self) -> GalleryFilter:
        values = self.cleaned_data
        return GalleryFilter(
            words=values.get("q", ""),
            checkpoint=values.get("checkpoint", ""),
            shape=values.get("shape", ""),
            favorite=values.get("favourite", False),
            board=values.get("board"),
            since=values.get("since"),
            until=values.get("until"),
        )

    @property
    def query(self) -> str:
        """The valid filters as a URL query."""
        query = QueryDict(mutable=True)
        for name, value in self.cleaned_data.items():
            if value not in {None, "", False}:
                query[name] = "on" if value is True else str(value)
        return query.urlencode()

    def offer(self, checkpoints: list[str]) -> None:
        """Set the choices of the model field."""
        names = [(id, CHECKPOINTS[id].name if id in CHECKPOINTS else id) for id in checkpoints]
        self.fields["checkpoint"].widget.choices = [("", _("All models")), *names]


class SelectionForm(forms.Form):
    """Ids of the selected images, as `images`."""

    def clean(self) -> dict[str, Any]:
        assert isinstance(self.data, QueryDict)
        try:
            ids = {UUID(text) for text in self.data.getlist("images")}
        except ValueError as error:
            raise forms.ValidationError(_("These are no pictures.")) from error
        if not ids:
            raise forms.ValidationError(_("Select some pictures first."))
        if len(ids) > MAX_SELECTED:
            raise forms.ValidationError(
                _("Select at most %(limit)d pictures at once."), params={"limit": MAX_SELECTED}
            )
        return {"images": ids}


class BoardForm(forms.Form):
    name = forms.CharField(label=_("Name"), max_length=80)


class ShareForm(forms.Form):
    shows_prompt = forms.BooleanField(label=_("Show the prompt and the settings"), required=False)
