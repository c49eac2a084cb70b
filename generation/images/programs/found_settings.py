"""Settings that were found in a picture's file, by the names of a request's fields."""

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from generation.engine.request.sampler_names import SAMPLERS
from generation.engine.request.validation import NUMBERS
from generation.images.programs import samplers

WHOLE = (
    *("num_inference_steps", "seed", "width", "height"),
    *("clip_skip", "subseed", "mask_blur", "mask_padding"),
)
_MAX_SIDE = 16_384
_LIMITS = {**NUMBERS, "width": (1, _MAX_SIDE), "height": (1, _MAX_SIDE)}
_MAX_SHOWN = 60
# Digits of the largest number that is looked at: Python reads no more than 4,300.
_MAX_DIGITS = 400
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")
_ENDING = re.compile(r"\.(safetensors|sft|ckpt|pt|bin|gguf)$", re.IGNORECASE)


@dataclass
class FoundSettings:
    """Values that a request may have, and what had to be left out.

    `left_out` has what the file says, shortened, by the field that does not take it. Three are special: `sigma_schedule`, which its sampler does not have here; `loras`, none of which are applied; and `extras`, names of what else was done to the picture.
    """

    values: dict[str, str | int | float] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)

    def add_text(self, name: str, text: Any) -> None:
        """Add a text, without characters that cannot be stored."""
        if isinstance(text, str):
            self.values[name] = _UNSTORABLE.sub("", text).strip()

    def add_prompts(self, prompt: Any, negative_prompt: Any) -> None:
        self.add_text("prompt", prompt or "")
        self.add_text("negative_prompt", negative_prompt or "")

    def add_number(self, name: str, value: Any) -> None:
        """Add a number, or a text that is one; None and an empty text say nothing."""
        if value is None or value == "":
            return
        number = _number(value)
        low, high = _LIMITS[name]
        if number is None or not low <= number <= high or (name in WHOLE and number % 1):
            self._leave_out(name, value)
        else:
            self.values[name] = int(number) if name in WHOLE else float(number)

    def add_numbers(self, **values: Any) -> None:
        for name, value in values.items():
            self.add_number(name, value)

    def add_size(self, width: Any, height: Any) -> None:
        """Add both sides, or none."""
        self.add_numbers(width=width, height=height)
        if "width" in self.left_out or "height" in self.left_out:
            self.left_out["width"] = f"{_shown(width)}x{_shown(height)}"
            self.left_out.pop("height", None)
            for side in ("width", "height"):
                self.values.pop(side, None)

    def add_sampler(self, sampler: Any, schedule: Any = "") -> None:
        """Add the noise scheduler that a sampler and its schedule are here."""
        if not isinstance(sampler, str) or not sampler.strip():
            return
        schedule = schedule.strip() if isinstance(schedule, str) else ""
        found, steps, is_exact = samplers.sampling_of(sampler, schedule)
        if found is None:
            self._leave_out("noise_scheduler", sampler)
            return
        self.values |= {"noise_scheduler": str(found), "sigma_schedule": str(steps)}
        if not is_exact:
            named = samplers.schedule_in(sampler, schedule)
            self._leave_out("sigma_schedule", f"{named} ({SAMPLERS[found]})")

    def add_checkpoint(self, name: Any) -> None:
        """Add the name of a model, without its folder and ending."""
        if isinstance(name, str) and name.strip():
            file = re.split(r"[/\\]", name.strip())[-1]
            self.add_text("checkpoint", _ENDING.sub("", file))

    def add_loras(self, names: Iterable[Any]) -> None:
        """Note LoRAs, by the names of their files."""
        texts = [re.split(r"[/\\]", name)[-1] for name in names if isinstance(name, str) and name]
        if texts:
            unique = dict.fromkeys(_ENDING.sub("", text) for text in texts)
            self._leave_out("loras", ", ".join(unique))

    def add_extras(self, names: Iterable[str]) -> None:
        """Note what else was done to the picture and is not done here, by its names."""
        if texts := list(names):
            self.left_out["extras"] = ", ".join(texts)

    def _leave_out(self, name: str, value: Any) -> None:
        self.left_out[name] = _shown(value)


def _number(value: Any) -> int | float | None:
    """Return a finite number; None for anything else."""
    if isinstance(value, str) and len(value) <= _MAX_DIGITS:
        text = value.strip()
        try:
            value = int(text) if re.fullmatch(r"[+-]?\d+", text) else float(text)
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if isinstance(value, int) or math.isfinite(value) else None


def _shown(value: Any) -> str:
    """Return what a person may see of a value from outside."""
    if isinstance(value, int) and value.bit_length() > 8 * _MAX_SHOWN:
        return "…"
    text = _UNSTORABLE.sub("", " ".join(str(value).split()))
    return text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}…"
