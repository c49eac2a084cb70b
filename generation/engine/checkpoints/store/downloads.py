"""What can be fetched: the listed checkpoints, and the checker that looks at finished pictures."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from generation.engine.checkpoints.builtin import CHECKPOINTS, OPENRAIL_M
from generation.engine.enums import Family

# The parts that the engine reads; a repository may have more.
PARTS = frozenset(
    {
        "depth_estimator",
        "low_res_scheduler",
        "scheduler",
        "text_encoder",
        "text_encoder_2",
        "text_encoder_3",
        "tokenizer",
        "tokenizer_2",
        "tokenizer_3",
        "transformer",
        "unet",
        "vae",
    }
)


@dataclass(frozen=True, kw_only=True)
class Item:
    """Something of a repository of the hub. `family` is None for what draws nothing by itself."""

    id: str
    name: str
    source: str
    license: str
    gated: bool = False
    family: Family | None = None
    parts: frozenset[str] = PARTS


SAFETY_CHECKER = Item(
    id="safety-checker",
    name="Safety checker",
    # Any Stable Diffusion 1 has it among its parts; this one's are safetensors.
    source="stable-diffusion-v1-5/stable-diffusion-v1-5",
    license=OPENRAIL_M,
    parts=frozenset({"safety_checker", "feature_extractor"}),
)

ITEMS: Mapping[str, Item] = MappingProxyType(
    {
        each.id: Item(
            id=each.id,
            name=each.name,
            source=each.source,
            license=each.license,
            gated=each.gated,
            family=each.family,
        )
        for each in CHECKPOINTS
        if not each.is_bundled
    }
    | {SAFETY_CHECKER.id: SAFETY_CHECKER}
)
