"""InvokeAI: JSON as `invokeai_metadata`; until version 2, as `sd-metadata`."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from generation.images.programs.found_settings import FoundSettings
from generation.images.programs.json_text import inner, items, mapping

# The older version writes what is not wanted in brackets within the prompt.
_NEGATIVE = re.compile(r"\[([^\[\]]*)\]")


def settings_in(texts: Mapping[str, str]) -> FoundSettings | None:
    """Return the settings in InvokeAI's texts; None for other texts."""
    if said := mapping(texts.get("invokeai_metadata")):
        return _current(said)
    if said := mapping(texts.get("sd-metadata")):
        return _old(said)
    return None


def _current(said: Mapping[str, Any]) -> FoundSettings:
    found = FoundSettings()
    found.add_prompts(said.get("positive_prompt"), said.get("negative_prompt"))
    found.add_numbers(
        num_inference_steps=said.get("steps"),
        guidance_scale=said.get("cfg_scale"),
        seed=said.get("seed"),
        strength=said.get("strength"),
    )
    found.add_size(said.get("width"), said.get("height"))
    found.add_sampler(said.get("scheduler"))
    found.add_checkpoint(_name(said.get("model")))
    found.add_loras(_loras(said))
    return found


def _old(said: Mapping[str, Any]) -> FoundSettings:
    image = inner(said.get("image"))
    prompt = image.get("prompt")
    if isinstance(prompt, list):
        prompt = ", ".join(str(inner(part).get("prompt", "")) for part in prompt)
    prompt = prompt if isinstance(prompt, str) else ""
    found = FoundSettings()
    found.add_prompts(_NEGATIVE.sub("", prompt), ", ".join(_NEGATIVE.findall(prompt)))
    found.add_numbers(
        num_inference_steps=image.get("steps"),
        guidance_scale=image.get("cfg_scale"),
        seed=image.get("seed"),
    )
    found.add_size(image.get("width"), image.get("height"))
    found.add_sampler(image.get("sampler"))
    found.add_checkpoint(said.get("model_weights"))
    return found


def _name(model: Any) -> Any:
    """Return a model's name; in version 3 it is `model_name`, and a model may be a text alone."""
    if isinstance(model, str):
        return model
    return inner(model).get("name") or inner(model).get("model_name")


def _loras(said: Mapping[str, Any]) -> Iterator[Any]:
    for each in items(said.get("loras")):
        yield _name(inner(each).get("model") or inner(each).get("lora"))
