"""Request and response bodies of the native API.

The OpenAPI document publishes the names of the classes and fields: never rename one.
"""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from ninja import Schema
from pydantic import ConfigDict, Field

from generation.engine.checkpoints.catalogue import Checkpoint
from generation.engine.enums import MaskFill, Mode, NoiseScheduler, SigmaSchedule
from generation.engine.request import (
    MAX_CLIP_SKIP,
    MAX_GUIDANCE_SCALE,
    MAX_IMAGES,
    MAX_MASK_BLUR,
    MAX_MASK_PADDING,
    MAX_NOISE_LEVEL,
    MAX_PROMPT_LENGTH,
    MAX_SEED,
    MAX_STEPS,
)

# Enough for an image of 20 MB in base64.
MAX_PICTURE_LENGTH = 28 * 2**20
MAX_SIDE = 2**16
# An upload's digest, the id of an image of one's own, or base64.
Picture = Annotated[str, Field(max_length=MAX_PICTURE_LENGTH)]
Side = Annotated[int, Field(ge=1, le=MAX_SIDE)]
Room = Annotated[int, Field(ge=0, le=MAX_SIDE)]
Status = Literal["parked", "queued", "running", "succeeded", "failed", "canceled"]


class Wish(Schema):
    """Settings of a picture. Missing fields default to the checkpoint's."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False, strict=False)

    prompt: str = Field("", max_length=MAX_PROMPT_LENGTH)
    negative_prompt: str = Field("", max_length=MAX_PROMPT_LENGTH)
    checkpoint: str = Field("", max_length=100, description="One of `GET /checkpoints`.")
    mode: Mode = Mode.TEXT_TO_IMAGE
    width: Side | None = None
    height: Side | None = None
    num_inference_steps: int | None = Field(None, ge=1, le=MAX_STEPS)
    guidance_scale: float | None = Field(None, ge=0, le=MAX_GUIDANCE_SCALE)
    noise_scheduler: NoiseScheduler | None = None
    sigma_schedule: SigmaSchedule | None = Field(
        None,
        description="Without it, `uniform`, or the checkpoint's own if `noise_scheduler` is missing, too.",
    )
    seed: int | None = Field(None, ge=-1, le=MAX_SEED, description="-1 or missing: a random one.")
    num_images: int = Field(1, ge=1, le=MAX_IMAGES)
    image: Picture = Field("", description="An upload's digest, a picture's id, or base64.")
    mask: Picture = Field("", description="White areas are repainted. A digest or base64.")
    depth: Picture = Field("", description="A depth map; bright is near. A digest or base64.")
    strength: float | None = Field(None, ge=0, le=1)
    left: Room = 0
    top: Room = 0
    right: Room = 0
    bottom: Room = 0
    noise_level: int | None = Field(None, ge=0, le=MAX_NOISE_LEVEL)
    refine: bool = False
    clip_skip: int | None = Field(
        None, ge=1, le=MAX_CLIP_SKIP, description="Layer of the text encoder, from the last."
    )
    eta: float | None = Field(
        None, ge=0, le=1, description="Share of fresh noise in DDIM and Euler ancestral."
    )
    subseed: int | None = Field(None, ge=0, le=MAX_SEED)
    subseed_strength: float | None = Field(
        None, ge=0, le=1, description="From the noise of `seed` (0) to that of `subseed` (1)."
    )
    mask_blur: int | None = Field(None, ge=0, le=MAX_MASK_BLUR)
    mask_fill: MaskFill | None = None
    only_masked: bool = Field(False, description="Paint the part around the mask at full size.")
    mask_padding: int | None = Field(None, ge=0, le=MAX_MASK_PADDING)


class JobWish(Wish):
    webhook_url: str = Field(
        "", max_length=500, description="Receives the job, signed, once it has ended."
    )


class Quote(Schema):
    unit: Literal["credits", "gpu_ms"] = Field(
        description="`credits` in thousandths, `gpu_ms` in milliseconds."
    )
    price: int = Field(description="The amount put on hold, and the most that the job can cost.")
    likely_ms: int = Field(description="The expected GPU time.")
    width: int
    height: int
    request: dict[str, Any]


class Problem(Schema):
    """An error (RFC 9457). `code` is stable; `advice` says what to do."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    advice: str
    request_id: UUID
    errors: dict[str, str] = Field(default_factory=dict)


class PictureShown(Schema):
    id: UUID
    job: UUID
    index: int
    seed: int
    width: int
    height: int
    created_at: datetime
    url: str = Field(description="Needs no key; expires after an hour.")
    thumbnail_url: str


class JobError(Schema):
    code: str
    message: str


class JobShown(Schema):
    id: UUID
    status: Status
    phase: str = Field(description="loading, encoding, denoising or decoding; empty if unknown.")
    step: int
    steps: int
    position: int | None = Field(description="Position in the queue, from 1.")
    request: dict[str, Any]
    unit: Literal["credits", "gpu_ms"]
    price: int
    charged: int | None = Field(description="Null until the job has ended.")
    error: JobError | None
    pictures: list[PictureShown]
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    url: str
    events_url: str
    cancel_url: str
    receipt_url: str


class JobPage(Schema):
    items: list[JobShown]
    next: str | None = Field(description="Send it as `cursor` for the next page.")


class PicturePage(Schema):
    items: list[PictureShown]
    next: str | None = Field(description="Send it as `cursor` for the next page.")


class CheckpointShown(Schema):
    id: str
    name: str
    summary: str
    modes: list[Mode]
    native_size: int
    min_size: int
    max_size: int
    multiple: int
    num_inference_steps: int
    guidance_scale: float
    noise_scheduler: str
    sigma_schedule: str
    credits: int = Field(
        description="Price in thousandths of a credit for a picture of native size in 30 steps."
    )

    @staticmethod
    def resolve_modes(checkpoint: Checkpoint) -> tuple[Mode, ...]:
        return checkpoint.ordered_modes


class Checkpoints(Schema):
    items: list[CheckpointShown]


class Purse(Schema):
    available: int
    held: int


class Budget(Schema):
    limit: int | None
    spent: int
    left: int | None
    window: Literal["day", "week", "month", "total"]


class Balance(Schema):
    """`credits` in thousandths, `gpu_ms` in milliseconds. The budget is in the key's own unit."""

    credits: Purse
    gpu_ms: Purse
    pays_in: Literal["credits", "gpu_ms"]
    budget: Budget


class UsageDay(Schema):
    day: str
    spent: int


class Usage(Schema):
    unit: Literal["credits", "gpu_ms"]
    days: list[UsageDay]


class Uploaded(Schema):
    digest: str
    width: int
    height: int


class Receipt(Schema):
    model_config = ConfigDict(extra="allow")

    job: UUID
    status: Status
    unit: Literal["credits", "gpu_ms"]
    charged: int
    lines: list[dict[str, Any]]
    grants: list[dict[str, Any]]
