"""The form of a branch: the step to go on from, and the words and guidance from there."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from billing.pricing import Quote
from billing.templatetags.amounts import gpu_time
from generation.engine.request import GenerationRequest, InvalidRequest
from generation.images import kept_states
from generation.models import KeptState
from generation.options.engine_messages import translated
from generation.queue import estimates
from generation.studio.fields import SettingsFields

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
        """The price of the rest, with the guidance that costs most."""
        request = kept_states.branch(self.state)
        if request.passes == 1:
            request = kept_states.branch(self.state, guidance_scale=_GUIDED)
        return estimates.quote(request)

    @property
    def label(self) -> str:
        quote = self.quote
        return _(
            "Step %(step)d of %(steps)d: strength %(strength).2g, about %(likely)s, at most %(ceiling)s of GPU time"
        ) % {
            "step": self.state.step,
            "steps": self.state.request.evaluations,
            "strength": self.strength,
            "likely": gpu_time(quote.likely_ms),
            "ceiling": gpu_time(quote.ceiling_ms),
        }


class BranchForm(forms.Form):
    """A valid form has a `generation_request`. Empty guidance is the picture's own."""

    generation_request: GenerationRequest

    state = forms.ChoiceField(label=gettext_lazy("Go on from"), widget=forms.RadioSelect)
    prompt = SettingsFields.base_fields["prompt"]
    negative_prompt = SettingsFields.base_fields["negative_prompt"]
    guidance_scale = SettingsFields.base_fields["guidance_scale"]

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
        return values
