"""NovelAI: JSON as `Comment`. It names no model that could be used here."""

from collections.abc import Mapping
from typing import Any

from generation.images.programs.found_settings import FoundSettings
from generation.images.programs.json_text import inner, mapping


def settings_in(texts: Mapping[str, str]) -> FoundSettings | None:
    """Return the settings in NovelAI's texts; None for other texts."""
    said = mapping(texts.get("Comment"))
    if not ("uc" in said or texts.get("Software") == "NovelAI"):
        return None
    prompt = said.get("prompt") or _caption(said, "v4_prompt") or texts.get("Description")
    if not prompt:
        return None
    found = FoundSettings()
    found.add_prompts(prompt, said.get("uc") or _caption(said, "v4_negative_prompt"))
    found.add_numbers(
        num_inference_steps=said.get("steps"),
        guidance_scale=said.get("scale"),
        seed=said.get("seed"),
    )
    found.add_size(said.get("width"), said.get("height"))
    found.add_sampler(said.get("sampler"), said.get("noise_schedule"))
    return found


def _caption(said: Mapping[str, Any], name: str) -> Any:
    return inner(inner(said.get(name)).get("caption")).get("base_caption")
