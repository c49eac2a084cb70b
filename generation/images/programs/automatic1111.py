"""AUTOMATIC1111's web UI, and all that write as it does: an infotext as `parameters`.

It has the prompt, what is not wanted after "Negative prompt:", and settings, which begin with the steps.
"""

import contextlib
import re
from collections.abc import Mapping, Sequence

from generation.engine.request import expert_infotext
from generation.engine.request.validation import NUMBERS
from generation.images.programs.found_settings import FoundSettings


def settings_in(texts: Mapping[str, str]) -> FoundSettings | None:
    """Return the settings in an infotext; None for other texts."""
    lines = texts.get("parameters", "").replace("\r\n", "\n").strip().split("\n")
    start = _start_of_settings(lines)
    if start is None:
        return None
    settings = _pairs("\n".join(lines[start:]))
    above = lines[:start]
    is_negative = (number for number, line in enumerate(above) if line.startswith(_NEGATIVE))
    negative = next(is_negative, len(above))
    found = FoundSettings()
    prompt = "\n".join(above[:negative])
    negative_prompt = "\n".join(above[negative:]).removeprefix(_NEGATIVE)
    # Requests with these tags are refused.
    found.add_prompts(_NETWORK.sub("", prompt), _NETWORK.sub("", negative_prompt))
    for name, field in _NUMBERS.items():
        found.add_number(field, settings.get(name))
    for name, (field, convert) in expert_infotext.FIELDS.items():
        if field in NUMBERS:
            found.add_number(field, settings.get(name))
        elif name in settings:
            with contextlib.suppress(KeyError):
                found.values[field] = convert(settings[name])
    found.add_sampler(settings.get("Sampler"), settings.get("Schedule type"))
    found.add_checkpoint(settings.get("Model"))
    size = _SIZE.fullmatch(settings.get("Size", ""))
    if size:
        found.add_size(size[1], size[2])
    found.add_loras(_LORA.findall(f"{prompt}\n{negative_prompt}"))
    found.add_extras(name for name in _EXTRAS if settings.get(name) not in _OFF)
    return found


def _start_of_settings(lines: Sequence[str]) -> int | None:
    """Return the number of the line where the settings begin.

    It is the last one that begins with the steps: extensions write lines below. Some programs begin with another
    setting, and write nothing below.
    """
    for number in range(len(lines) - 1, -1, -1):
        if lines[number].startswith("Steps: "):
            return number
    return len(lines) - 1 if "Steps" in _pairs(lines[-1]) else None


def _pairs(text: str) -> dict[str, str]:
    """Return settings by name; the first of a name counts, and a quoted value is one, commas and all."""
    found: dict[str, str] = {}
    for name, value in _PAIR.findall(text[:_MAX_SETTINGS]):
        found.setdefault(name.strip(), _unquoted(value.strip()))
    return found


def _unquoted(value: str) -> str:
    if not value.startswith('"'):
        return value
    return re.sub(r"\\(.)", r"\1", value[1:-1])


_NEGATIVE = "Negative prompt:"
_MAX_SETTINGS = 50_000
_PAIR = re.compile(
    r"""([A-Za-z][\w\ \-/]{0,60}):\s*
    ("(?:\\.|[^\\"])*"(?=\s*(?:,|$)) | [^,\n]*)
    """,
    re.VERBOSE | re.MULTILINE,
)
_SIZE = re.compile(r"(\d+)\s*[x×]\s*(\d+)", re.IGNORECASE)
_LORA = re.compile(r"<(?:lora|lyco|hypernet):([^:<>\n]{1,100})", re.IGNORECASE)
_NETWORK = re.compile(r"<(?:lora|lyco|hypernet):[^<>]+>", re.IGNORECASE)
# What else made the picture; each has further settings beside it.
_EXTRAS = (
    "Continued from step",
    *("Hires upscale", "Refiner", "Tiling", "Face restoration"),
    *("ADetailer model", "ControlNet 0", "Script"),
)
_OFF = {None, "", "None", "False"}
_NUMBERS: Mapping[str, str] = {
    "Steps": "num_inference_steps",
    "CFG scale": "guidance_scale",
    "Seed": "seed",
    "Denoising strength": "strength",
}
