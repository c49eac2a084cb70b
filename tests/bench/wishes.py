"""Requests of the figures: for the sketchbook, with the catalogue's defaults."""

from typing import Any

from generation.engine.checkpoints import catalogue
from generation.engine.request import GenerationRequest

SKETCHBOOK = catalogue.get("sketchbook")
PROMPTS = (
    "a red house by the sea at sunset",
    "a white boat under a full moon",
    "three pine trees in the snow",
    "a lighthouse in a storm",
    "a yellow balloon above green hills",
    "two sheep on a field by day",
    "a cactus in the desert under the stars",
    "a blue car in a city street at night",
)


def wish(number: int, *, size: int = SKETCHBOOK.native_size, **changes: Any) -> GenerationRequest:
    """Number `number` of many that differ in prompt and seed."""
    values = {
        "prompt": PROMPTS[number % len(PROMPTS)],
        "width": size,
        "height": size,
        "seed": number,
    }
    return GenerationRequest.usual(SKETCHBOOK, **values | changes)


def wishes(count: int, **changes: Any) -> list[GenerationRequest]:
    return [wish(number, **changes) for number in range(count)]


def studio_form(request: GenerationRequest) -> dict[str, object]:
    """The fields of the studio's form that ask for it."""
    return {
        "prompt": request.prompt,
        "checkpoint": request.checkpoint,
        "shape": "custom",
        "width": request.width,
        "height": request.height,
        "num_inference_steps": request.num_inference_steps,
        "guidance_scale": request.guidance_scale,
        "noise_scheduler": request.noise_scheduler,
        "seed": request.seed,
    }
