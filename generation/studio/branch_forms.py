"""The form of a branch: the step to go on from, and the words and guidance from there."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from billing.pricing import Quote
from generation.engine.request import GenerationRequest, InvalidRequest
from generation.images import kept_states
from generation.models import KeptState
from generation.options.engine_messages import translated
from generation.queue import estimates
from generation.studio.fields import SettingsFields
from generation.studio.prices import in_words

# Two passes a step: the most that any guidance costs.
_GUIDED = 2.0


@dataclass(frozen=True)
class Point:
    """A kept state as a step to go on from."""

    state: KeptState

    @property
    def strength(self) -> float:
        """The share of all steps that the branch makes anew."""
        steps = self.state.request.evaluations
        return (steps - self.state.step) / steps

    @property
    def quote(self) -> Quote:
        """The price of the rest with the picture's words, and the guidance that costs most."""
        request = kept_states.unchecked_branch(self.state)
        if request.passes == 1:
            request = kept_states.unchecked_branch(self.state, guidance_scale=_GUIDED)
        return estimates.quote(request)

    @property
    def label(self) -> str:
        return _("Step %(step)d of %(steps)d: strength %(strength).2g, %(price)s") % {
            "step": self.state.step,
            "steps": self.state.request.evaluations,
            "strength": self.strength,
            "price": in_words(self.quote),
        }


class BranchForm(forms.Form):
    """A valid form has a `generation_request`. Empty guidance is the picture's own.

    Words that cost more than the page has said are an error once, which says the price; sent again, they are accepted.
    """

    generation_request: GenerationRequest

    state = forms.ChoiceField(
        label=gettext_lazy("Go on from"),
        widget=forms.RadioSelect,
        error_messages={
            "invalid_choice": gettext_lazy("This step is no longer saved. Choose another one.")
        },
    )
    prompt = SettingsFields.base_fields["prompt"]
    negative_prompt = SettingsFields.base_fields["negative_prompt"]
    guidance_scale = SettingsFields.base_fields["guidance_scale"]
    accepted_ms = forms.IntegerField(widget=forms.HiddenInput, required=False)

    def __init__(self, *args: Any, states: Sequence[KeptState], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._states = {str(state.pk): state for state in states}
        self.fields["state"].choices = [  # type: ignore[attr-defined]
            (id, Point(state).label) for id, state in self._states.items()
        ]
        first = states[0]
        request = first.request
        self.initial = {
            "state": str(first.pk),
            "prompt": request.prompt,
            "negative_prompt": request.negative_prompt,
            "guidance_scale": request.guidance_scale,
            **self.initial,
        }

    def clean(self) -> dict[str, Any]:
        values = self.cleaned_data
        if self.errors:
            return values
        state = self._states[values["state"]]
        guidance = values["guidance_scale"]
        if guidance is None:
            guidance = state.request.guidance_scale
        try:
            self.generation_request = kept_states.branch(
                state,
                prompt=values["prompt"],
                negative_prompt=values["negative_prompt"],
                guidance_scale=guidance,
            )
        except InvalidRequest as error:
            for name, message in error.errors.items():
                self.add_error(name if name in self.fields else None, translated(message))
        else:
            self._require_known_price(state)
        return values

    def _require_known_price(self, state: KeptState) -> None:
        quote = estimates.quote(self.generation_request)
        accepted_ms = self.cleaned_data["accepted_ms"] or 0
        if quote.ceiling_ms <= max(accepted_ms, Point(state).quote.ceiling_ms):
            return
        posted = {name: self.data.get(name, "") for name in self.fields}
        self.data = {**posted, "accepted_ms": str(quote.ceiling_ms)}
        price = in_words(quote)
        self.add_error(
            None,
            _("These words take longer: %(price)s. Send it again to accept.") % {"price": price},
        )
