"""Corrections of a wallet, each an entry with a reason and a name."""

from uuid import uuid4

from django import forms
from django.contrib.admin.helpers import ActionForm
from django.utils.translation import gettext_lazy as _


def _unused_token() -> str:
    return uuid4().hex


class AdjustmentForm(ActionForm):
    """An amount in the wallet's unit (below zero takes back) and a reason, beside the actions."""

    amount = forms.IntegerField(label=_("Amount"), required=False)
    reason = forms.CharField(label=_("Reason"), required=False, max_length=150)
    # A form that is sent twice adjusts once.
    token = forms.UUIDField(widget=forms.HiddenInput, initial=_unused_token, required=False)
