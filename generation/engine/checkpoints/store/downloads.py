"""Everything that can be downloaded: the built-in checkpoints and the safety checker."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from generation.engine.checkpoints.builtin import CHECKPOINTS, OPENRAIL_M
from generation.engine.enums import Family

# The parts that the engine loads; a repository may have more.
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
class Download:
    """A checkpoint or safety checker in a repository of the hub. `family` is None for the latter."""

    id: str
    name: str
    source: str
    license: str
    gated: bool = False
    family: Family | None = None
    parts: frozenset[str] = PARTS


SAFETY_CHECKER = Download(
    id="safety-checker",
    name="Safety checker",
    # Every Stable Diffusion 1 repository has it; in this one it is in safetensors.
    source="stable-diffusion-v1-5/stable-diffusion-v1-5",
    license=OPENRAIL_M,
    parts=frozenset({"safety_checker", "feature_extractor"}),
)

DOWNLOADS: Mapping[str, Download] = MappingProxyType(
    {
        each.id: Download(
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
