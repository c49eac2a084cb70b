"""SwarmUI: JSON as `parameters`."""

from collections.abc import Mapping

from generation.images.programs.found_settings import FoundSettings
from generation.images.programs.json_text import inner, items, mapping


def settings_in(texts: Mapping[str, str]) -> FoundSettings | None:
    """Return the settings in SwarmUI's text; None for other texts."""
    said = inner(mapping(texts.get("parameters")).get("sui_image_params"))
    if not said:
        return None
    found = FoundSettings()
    found.add_prompts(said.get("prompt"), said.get("negativeprompt"))
    found.add_numbers(
        num_inference_steps=said.get("steps"),
        guidance_scale=said.get("cfgscale"),
        seed=said.get("seed"),
    )
    found.add_size(said.get("width"), said.get("height"))
    found.add_sampler(said.get("sampler"), said.get("scheduler"))
    found.add_checkpoint(said.get("model"))
    found.add_loras(items(said.get("loras")))
    return found
