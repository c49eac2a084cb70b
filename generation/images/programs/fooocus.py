"""Fooocus: JSON as `parameters`, in its own scheme. Its other scheme is AUTOMATIC1111's."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from generation.images.programs.found_settings import FoundSettings
from generation.images.programs.json_text import items, mapping

_SIZE = re.compile(r"\(?\s*(\d{1,6})\s*[,x×]\s*(\d{1,6})\s*\)?")


def settings_in(texts: Mapping[str, str]) -> FoundSettings | None:
    """Return the settings in Fooocus's text; None for other texts."""
    said = mapping(texts.get("parameters"))
    if not ("metadata_scheme" in said or "base_model" in said):
        return None
    found = FoundSettings()
    found.add_prompts(said.get("prompt"), said.get("negative_prompt"))
    found.add_numbers(
        num_inference_steps=said.get("steps"),
        guidance_scale=said.get("guidance_scale"),
        seed=said.get("seed"),
    )
    size = _SIZE.fullmatch(str(said.get("resolution", "")))
    if size:
        found.add_size(size[1], size[2])
    found.add_sampler(said.get("sampler"), said.get("scheduler"))
    found.add_checkpoint(said.get("base_model"))
    found.add_loras(_loras(said))
    return found


def _loras(said: Mapping[str, Any]) -> Iterator[Any]:
    """Yield names: the newer scheme has a list of lists, the older one fields of "name : weight"."""
    for each in items(said.get("loras")):
        yield each[0] if isinstance(each, list) and each else each
    for name, value in said.items():
        if name.startswith("lora_combined_"):
            yield str(value).rpartition(" : ")[0]
