"""The form for an API key, with its budget in credits or minutes."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime, time
from decimal import Decimal
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.keys import Limits
from accounts.models import ApiKey, Pays, Scope, Window
from generation.api import cross_origin
from generation.options.offered import offered

# Units a credit, and a minute.
PER_WHOLE = {Pays.CREDITS: 1_000, Pays.GPU_MS: 60_000}
LARGEST = {
    512 * 512: "512 × 512",
    768 * 768: "768 × 768",
    1024 * 1024: "1024 × 1024",
    1536 * 1024: "1536 × 1024",
}

_ORIGIN = re.compile(r"https?://[a-z0-9.\-\[\]:]{1,190}")


class KeyForm(forms.Form):
    """`limits` are valid once the form is. The way to pay cannot change after the key is made."""

    name = forms.CharField(
        label=gettext_lazy("Name"),
        max_length=60,
        help_text=gettext_lazy("So that you know it again: where it is used, say."),
    )
    pays_in = forms.ChoiceField(
        label=gettext_lazy("Pays with"),
        choices=Pays.choices,
        initial=Pays.CREDITS,
        widget=forms.RadioSelect,
    )
    scopes = forms.MultipleChoiceField(
        label=gettext_lazy("What it may do"),
        choices=Scope.choices,
        initial=list(Scope),
        widget=forms.CheckboxSelectMultiple,
    )
    budget = forms.DecimalField(
        label=gettext_lazy("Budget"),
        min_value=Decimal("0.001"),
        max_value=Decimal(10_000_000),
        decimal_places=3,
        required=False,
        help_text=gettext_lazy("In credits, or in minutes. Empty: all that you have."),
    )
    window = forms.ChoiceField(
        label=gettext_lazy("The budget is for"), choices=Window.choices, initial=Window.MONTH
    )
    checkpoints = forms.MultipleChoiceField(
        label=gettext_lazy("Models"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=gettext_lazy("None ticked: all of them."),
    )
    default_checkpoint = forms.ChoiceField(
        label=gettext_lazy("Default model"),
        required=False,
        help_text=gettext_lazy("Used for requests that name none of our models."),
    )
    max_pixels = forms.TypedChoiceField(
        label=gettext_lazy("Largest picture"),
        coerce=int,
        empty_value=None,
        required=False,
    )
    origins = forms.CharField(
        label=gettext_lazy("Websites"),
        required=False,
        max_length=1_000,
        help_text=gettext_lazy(
            "Pages that may use this key in a browser, such as https://app.example. Separate several by "
            "spaces. Empty: all that this site allows."
        ),
    )
    expires_on = forms.DateField(
        label=gettext_lazy("Works until the end of"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        help_text=gettext_lazy("Empty: until you revoke it."),
    )

    def __init__(self, *args: Any, key: ApiKey | None = None, **kwargs: Any) -> None:
        if key:
            kwargs["initial"] = _initial(key)
        super().__init__(*args, **kwargs)
        self._key = key
        names = [(each.id, each.name) for each in offered()]
        self.fields["checkpoints"].choices = _with_kept(  # type: ignore[attr-defined]
            names, key.checkpoints if key else []
        )
        self.fields["default_checkpoint"].choices = [  # type: ignore[attr-defined]
            ("", _("The first that can do what is asked")),
            *_with_kept(names, [key.default_checkpoint] if key and key.default_checkpoint else []),
        ]
        largest = [("", _("As large as its way to pay allows")), *LARGEST.items()]
        if key and key.max_pixels and key.max_pixels not in LARGEST:
            largest.append((key.max_pixels, str(key.max_pixels)))
        self.fields["max_pixels"].choices = largest  # type: ignore[attr-defined]
        if key:
            del self.fields["pays_in"]

    def clean_origins(self) -> list[str]:
        """The origins without repetition, in order."""
        origins = [
            cross_origin.without_default_port(each.rstrip("/").lower())
            for each in self.cleaned_data["origins"].split()
        ]
        if unfit := next((each for each in origins if not _ORIGIN.fullmatch(each)), None):
            raise forms.ValidationError(
                _(
                    "“%(origin)s” is not the address of a website. Write it like https://app.example."
                )
                % {"origin": unfit}
            )
        return list(dict.fromkeys(origins))

    def clean_expires_on(self) -> datetime | None:
        """The last moment of the day in UTC."""
        day = self.cleaned_data["expires_on"]
        if day is None:
            return None
        end = datetime.combine(day, time.max, tzinfo=UTC)
        if end <= timezone.now():
            raise forms.ValidationError(_("Choose a day to come."))
        return end

    def clean(self) -> dict[str, Any]:
        values = super().clean() or self.cleaned_data
        allowed, default = values.get("checkpoints"), values.get("default_checkpoint")
        if allowed and default and default not in allowed:
            self.add_error("default_checkpoint", _("Choose one of the models ticked above."))
        return values

    @property
    def paid_in(self) -> Pays:
        """The unit of the budget."""
        return Pays(self._key.pays_in if self._key else self.cleaned_data["pays_in"])

    @property
    def limits(self) -> Limits:
        values = self.cleaned_data
        budget = values["budget"]
        return Limits(
            scopes=[Scope(scope) for scope in values["scopes"]],
            budget=None if budget is None else max(1, int(budget * PER_WHOLE[self.paid_in])),
            window=Window(values["window"]),
            checkpoints=values["checkpoints"],
            max_pixels=values["max_pixels"],
            default_checkpoint=values["default_checkpoint"],
            origins=values["origins"],
            expires_at=values["expires_on"],
        )


def _with_kept(names: list[tuple[str, str]], chosen: Iterable[str]) -> list[tuple[str, str]]:
    """The choices, and what was chosen before and is not offered any more."""
    known = {id for id, _name in names}
    return names + [(id, id) for id in chosen if id not in known]


def _initial(key: ApiKey) -> dict[str, Any]:
    per_whole = PER_WHOLE[Pays(key.pays_in)]
    return {
        "name": key.name,
        "scopes": key.scopes,
        "budget": None if key.budget is None else Decimal(key.budget) / per_whole,
        "window": key.window,
        "checkpoints": key.checkpoints,
        "max_pixels": key.max_pixels,
        "default_checkpoint": key.default_checkpoint,
        "origins": " ".join(key.origins),
        "expires_on": key.expires_at.date() if key.expires_at else None,
    }
