"""Form of the usage page: period, checkpoint, API key."""

from collections.abc import Iterable
from dataclasses import asdict
from datetime import date
from typing import TYPE_CHECKING, Any

from django import forms
from django.core.validators import MaxValueValidator, MinValueValidator
from django.utils.translation import gettext_lazy as _

from generation.engine.checkpoints.catalogue import CHECKPOINTS
from generation.usage.filters import ALL, DEFAULT_DAYS, MOST_DAYS, WEBSITE, JobFilter, Period

if TYPE_CHECKING:
    from accounts.models import User

PRESETS = (7, DEFAULT_DAYS, 90)
# Limits that keep date arithmetic from overflowing.
EARLIEST, LATEST = date(2000, 1, 1), date(2099, 12, 31)


def _day(label: Any) -> forms.DateField:
    return forms.DateField(
        label=label,
        required=False,
        # Browsers send this format in every language.
        input_formats=["%Y-%m-%d"],
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
        validators=[MinValueValidator(EARLIEST), MaxValueValidator(LATEST)],
    )


class UsageForm(forms.Form):
    """Period by `days`, or by `first` and `last`; the last DEFAULT_DAYS by default."""

    days = forms.TypedChoiceField(
        choices=[(n, n) for n in PRESETS], coerce=int, empty_value=None, required=False
    )
    first = _day(_("From"))
    last = _day(_("To"))
    checkpoint = forms.CharField(
        label=_("Model"), required=False, max_length=100, widget=forms.Select
    )
    key = forms.ChoiceField(label=_("Asked for"), required=False)

    def __init__(self, data: Any, *, user: "User") -> None:
        super().__init__(data)
        keys = [(str(key.pk), str(key)) for key in user.api_keys.order_by("name", "created_at")]
        field = self.fields["key"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [
            ("", _("Anywhere")),
            (WEBSITE, _("On this website")),
            (_("By API key"), keys),
        ]
        self.has_keys = bool(keys)

    @property
    def period(self) -> Period:
        """The chosen period; the default if the form is invalid."""
        if not self.is_valid():
            return Period.until_today(days=DEFAULT_DAYS)
        return _period(**{name: self.cleaned_data[name] for name in ("days", "first", "last")})

    @property
    def filters(self) -> JobFilter:
        """The chosen filters; ALL if the form is invalid."""
        if not self.is_valid():
            return ALL
        return JobFilter(checkpoint=self.cleaned_data["checkpoint"], key=self.cleaned_data["key"])

    def show(self, checkpoints: Iterable[str]) -> None:
        """Show the effective period, and offer these checkpoints and the chosen one."""
        if self.is_valid():
            period = self.period
            self.data = {"first": period.first, "last": period.last, **asdict(self.filters)}
        ids = sorted({*checkpoints, self.filters.checkpoint} - {""})
        names = [(id, CHECKPOINTS[id].name if id in CHECKPOINTS else id) for id in ids]
        self.fields["checkpoint"].widget.choices = [
            ("", _("All models")),
            *names,
        ]

    def clean(self) -> dict[str, Any]:
        values = self.cleaned_data
        if self.errors:
            return values
        length = len(_period(values["days"], values["first"], values["last"]))
        if length < 1:
            self.add_error("last", _("This is before the first day."))
        elif length > MOST_DAYS:
            self.add_error("last", _("Choose a year at most."))
        return values


def _period(days: int | None, first: date | None, last: date | None) -> Period:
    if first is None and last is None:
        return Period.until_today(days=days or DEFAULT_DAYS)
    last = last or Period.until_today(days=1).last
    return Period(first, last) if first else Period.ending(last, days=DEFAULT_DAYS)
