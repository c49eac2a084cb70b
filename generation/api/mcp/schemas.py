"""Arguments of MCP's tools, and their JSON schemas.

Programs and prompts rely on the names: never rename one.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from generation.api.idempotency import MAX_TOKEN
from generation.api.native.schemas import Picture, Room, Side
from generation.engine.enums import NoiseScheduler
from generation.engine.request import (
    MAX_GUIDANCE_SCALE,
    MAX_IMAGES,
    MAX_NOISE_LEVEL,
    MAX_PROMPT_LENGTH,
    MAX_SEED,
    MAX_STEPS,
)

# Many clients give up after 60 seconds, and the newest protocol cancels what they no longer wait for.
WAIT_SECONDS = 50
MAX_WAIT_SECONDS = 300
Prompt = Annotated[str, Field(max_length=MAX_PROMPT_LENGTH)]
Wait = Annotated[
    int,
    Field(
        ge=0,
        le=MAX_WAIT_SECONDS,
        description="Respond after so many seconds even if the picture is not done; `status` then has it.",
    ),
]


class Arguments(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class NoArguments(Arguments):
    pass


class Settings(Arguments):
    """Settings that all tools which make pictures share. Missing ones default to the checkpoint's."""

    prompt: Prompt = ""
    negative_prompt: Prompt = ""
    checkpoint: str = Field("", max_length=100, description="The id of one of `models`.")
    num_inference_steps: int | None = Field(None, ge=1, le=MAX_STEPS)
    guidance_scale: float | None = Field(None, ge=0, le=MAX_GUIDANCE_SCALE)
    noise_scheduler: NoiseScheduler | None = None
    seed: int | None = Field(None, ge=-1, le=MAX_SEED, description="-1 or missing: a random one.")


class GenerateSettings(Settings):
    width: Side | None = None
    height: Side | None = None
    num_images: int = Field(1, ge=1, le=MAX_IMAGES)


class EditSettings(GenerateSettings):
    image: Picture = Field("", description="A picture's id, an upload's digest, or base64.")
    mask: Picture = Field("", description="White areas are repainted. A digest or base64.")
    strength: float | None = Field(
        None, ge=0, le=1, description="0 keeps the picture, 1 ignores it."
    )
    left: Room = Field(0, description="Pixels to add on this side; likewise top, right, bottom.")
    top: Room = 0
    right: Room = 0
    bottom: Room = 0


class UpscaleSettings(Settings):
    image: Picture = Field("", description="A picture's id, an upload's digest, or base64.")
    noise_level: int | None = Field(None, ge=0, le=MAX_NOISE_LEVEL)


class Order(Arguments):
    """How a job is placed and waited for."""

    idempotency_key: str = Field(
        "",
        max_length=MAX_TOKEN,
        description="Repeating a call with the same key returns the same job, and costs nothing more.",
    )
    wait_seconds: Wait = WAIT_SECONDS


class Generate(GenerateSettings, Order):
    pass


class Edit(EditSettings, Order):
    pass


class Upscale(UpscaleSettings, Order):
    pass


class Quote(EditSettings):
    tool: Literal["generate", "edit", "upscale"] = "generate"
    noise_level: int | None = Field(None, ge=0, le=MAX_NOISE_LEVEL)


QUOTED: Mapping[str, type[Settings]] = {
    "generate": GenerateSettings,
    "edit": EditSettings,
    "upscale": UpscaleSettings,
}


class Cancel(Arguments):
    job: UUID


class Status(Arguments):
    job: UUID | None = Field(None, description="Without it: the key's newest jobs.")
    wait_seconds: Wait = 0


def json_schema(arguments: type[Arguments]) -> dict[str, Any]:
    """The schema without references and nulls, which some clients cannot read."""
    schema = arguments.model_json_schema()
    known = schema.pop("$defs", {})
    properties = schema.get("properties", {})
    return {
        "type": "object",
        "properties": {name: _simple(each, known) for name, each in properties.items()},
        "required": schema.get("required", []),
        "additionalProperties": False,
    }


def _simple(schema: dict[str, Any], known: dict[str, Any]) -> dict[str, Any]:
    """The schema of one property; a docstring of ours that pydantic took for its description is left out."""
    kinds = [each for each in schema.get("anyOf", []) if each != {"type": "null"}]
    merged = {**(kinds[0] if kinds else {}), **schema}
    if reference := merged.get("$ref"):
        merged = {**known[reference.rpartition("/")[2]], "description": "", **merged}
    hidden = {"anyOf", "$ref", "title"}
    return {
        name: value
        for name, value in merged.items()
        if name not in hidden and value is not None and (name, value) != ("description", "")
    }
