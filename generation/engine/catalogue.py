"""The checkpoints that can be asked for: one entry each, looked up by id."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType

_PACKAGE = Path(__file__).parent


class Family(StrEnum):
    """Architectures; each has a module in `families`."""

    SD1 = "sd1"
    SD2 = "sd2"
    SDXL = "sdxl"
    SD3 = "sd3"


class Mode(StrEnum):
    """What a checkpoint can be asked to do."""

    TEXT_TO_IMAGE = "text_to_image"


class UnknownCheckpoint(LookupError):
    """No checkpoint of this id is in the catalogue."""

    def __init__(self, id: str) -> None:
        super().__init__(f"There is no checkpoint called {id!r}.")
        self.id = id


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """One checkpoint: where it comes from, what it can do, and a request's defaults.

    Sizes are in pixels a side. `multiple` is what each side must divide by: the VAE's down-sampling
    times the unet's. `credits` are thousandths of a credit for one picture at native size and 30
    steps. `start_ms_per_step_megapixel` is the first guess at milliseconds for one forward pass
    over a million pixels, used until this installation has measured its own.
    """

    id: str
    name: str
    family: Family
    source: str
    native_size: int
    multiple: int
    min_size: int
    max_size: int
    num_inference_steps: int
    guidance_scale: float
    noise_scheduler: str
    credits: int
    modes: frozenset[Mode]
    summary: str
    start_ms_per_step_megapixel: int

    @property
    def is_bundled(self) -> bool:
        """Whether the weights come with this package rather than from the hub."""
        return self.source.startswith("sketchbook/")


def _stable_diffusion_1(version: str, *, source: str, summary: str) -> Checkpoint:
    return Checkpoint(
        id=f"sd-{version}",
        name=f"Stable Diffusion {version}",
        family=Family.SD1,
        source=source,
        native_size=512,
        multiple=64,
        min_size=256,
        max_size=1024,
        num_inference_steps=30,
        guidance_scale=7.5,
        noise_scheduler="dpmpp_2m",
        credits=500,
        modes=frozenset({Mode.TEXT_TO_IMAGE}),
        summary=summary,
        start_ms_per_step_megapixel=60,
    )


_SKETCHBOOK = Checkpoint(
    id="sketchbook",
    name="Sketchbook",
    family=Family.SD1,
    source="sketchbook/checkpoint",
    native_size=128,
    multiple=32,
    min_size=64,
    max_size=512,
    num_inference_steps=20,
    guidance_scale=4.0,
    noise_scheduler="dpmpp_2m",
    credits=100,
    modes=frozenset({Mode.TEXT_TO_IMAGE}),
    summary="A tiny model trained from scratch on drawn landscapes; quick even without a GPU.",
    start_ms_per_step_megapixel=1_200,
)

CHECKPOINTS: Mapping[str, Checkpoint] = MappingProxyType(
    {
        checkpoint.id: checkpoint
        for checkpoint in (
            _SKETCHBOOK,
            _stable_diffusion_1(
                "1.1",
                source="CompVis/stable-diffusion-v1-1",
                summary="237,000 steps at 256x256, then 194,000 at 512x512.",
            ),
            _stable_diffusion_1(
                "1.2",
                source="CompVis/stable-diffusion-v1-2",
                summary="1.1 trained for 515,000 more steps on laion-improved-aesthetics.",
            ),
            _stable_diffusion_1(
                "1.3",
                source="CompVis/stable-diffusion-v1-3",
                summary="1.2 trained further, with a tenth of the captions left out for guidance.",
            ),
            _stable_diffusion_1(
                "1.4",
                source="CompVis/stable-diffusion-v1-4",
                summary="1.2 trained further on laion-aesthetics v2 5+, with the same dropout.",
            ),
            _stable_diffusion_1(
                "1.5",
                source="stable-diffusion-v1-5/stable-diffusion-v1-5",
                summary="595,000 steps on laion-aesthetics v2 5+; what most fine-tunes start from.",
            ),
        )
    }
)


def get(id: str) -> Checkpoint:
    """Return the checkpoint of this id; raise UnknownCheckpoint where there is none."""
    try:
        return CHECKPOINTS[id]
    except KeyError:
        raise UnknownCheckpoint(id) from None


def folder(checkpoint: Checkpoint, root: Path | None) -> Path:
    """Return the folder that holds the weights, or would; `root` has the fetched checkpoints."""
    if checkpoint.is_bundled:
        return _PACKAGE / checkpoint.source
    if root is None:
        raise ValueError(f"{checkpoint.name} needs a checkpoint folder, and none is configured.")
    return root / checkpoint.id


def is_present(checkpoint: Checkpoint, *, root: Path | None) -> bool:
    """Say whether the checkpoint's folder is there; loading it checks the rest."""
    if root is None and not checkpoint.is_bundled:
        return False
    return (folder(checkpoint, root) / "model_index.json").is_file()
