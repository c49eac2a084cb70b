"""Corrections of a wallet, each an entry with a reason and a name."""

from decimal import Decimal
from typing import Any
from uuid import uuid4

from django import forms
from django.contrib.admin.helpers import ActionForm
from django.utils.translation import gettext_lazy as _

from billing.models import Unit

# Of the wallet's unit, in one of the unit in which people count.
FACTORS = {Unit.GPU_MS: 60_000, Unit.CREDITS: 1_000}


def _unused_token() -> str:
    return uuid4().hex


class OptionalAmount(forms.DecimalField):
    """None for whatever is no such number: of an invalid form the list says "No action selected"."""

    def clean(self, value: Any) -> Decimal | None:
        try:
            number: Decimal | None = super().clean(value)
        except forms.ValidationError:
            return None
        return number


class AdjustmentForm(ActionForm):
    """An amount in minutes or credits (below zero takes back) and a reason, beside the actions."""

    amount = OptionalAmount(
        label=_("Amount, below zero to take back"),
        required=False,
        max_digits=12,
        decimal_places=3,
        widget=forms.NumberInput(attrs={"step": "any"}),
    )
    unit = forms.ChoiceField(
        label=_("Unit"),
        required=False,
        choices=[
            ("", "---"),
            (Unit.GPU_MS, _("GPU minutes")),
            (Unit.CREDITS, _("API credits")),
        ],
    )
    reason = forms.CharField(label=_("Reason"), required=False, max_length=150)
    # A form that is sent twice adjusts once. The list writes a label beside every field that has one.
    token = forms.UUIDField(
        label="", widget=forms.HiddenInput, initial=_unused_token, required=False
    )

    @property
    def is_complete(self) -> bool:
        """The fields are optional, because other actions leave them empty."""
        wanted = ("amount", "unit", "reason", "token")
        return self.is_valid() and all(self.cleaned_data[name] for name in wanted)

    @property
    def adjustment(self) -> dict[str, Any]:
        """The cleaned fields, with the amount in the unit of the ledger. Needs a complete form."""
        unit = Unit(self.cleaned_data["unit"])
        typed: Decimal = self.cleaned_data["amount"]
        return {**self.cleaned_data, "unit": unit, "amount": int(typed * FACTORS[unit])}
