"""A checkpoint: its source, its modes, its sizes and its default settings."""

from dataclasses import dataclass

from generation.engine.enums import Family, Mode

GENERAL = frozenset({Mode.TEXT_TO_IMAGE, Mode.IMAGE_TO_IMAGE, Mode.INPAINT, Mode.OUTPAINT})
"""The modes of every checkpoint that was not trained for a special one."""
PAINTING = frozenset({Mode.INPAINT, Mode.OUTPAINT})
FEW_STEPS = 8


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """One checkpoint.

    Sizes are in pixels a side. Each side must be a multiple of `multiple`: the VAE's down-sampling factor, times the
    patch size of a transformer. Named shapes are multiples of `shape_multiple`, so that the pictures of many people
    have the same size and share steps. `credits` are thousandths of a credit for one image at native size and 30 steps.
    `start_ms_per_step_megapixel` estimates the milliseconds of one forward pass over a million
    pixels, until this installation has measured its own. `gated` weights need the operator's token.
    `refiner` is the id of the checkpoint that may finish its images. `text_layers` counts those of its smallest CLIP
    text encoder. `wants_depth` is true if it takes a depth map and has no estimator for one. `embeds_guidance` is true
    if its denoiser reads the guidance scale, as latent consistency models do; a step then takes one pass.
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
    license: str = ""
    gated: bool = False
    refiner: str = ""
    text_layers: int = 12
    shape_multiple: int = 64
    wants_depth: bool = False
    sigma_schedule: str = "uniform"
    embeds_guidance: bool = False

    @property
    def is_bundled(self) -> bool:
        """True if the weights are part of this package."""
        return self.source.startswith("sketchbook/")

    @property
    def takes_few_steps(self) -> bool:
        """True if it was distilled to few steps, so that settings for other checkpoints ruin its images."""
        return self.embeds_guidance or self.num_inference_steps <= FEW_STEPS

    def nearest_side(self, side: float, *, multiple: int | None = None) -> int:
        """Return the nearest side, in pixels, that it can make: a multiple of its own or of another `multiple`."""
        step = multiple or self.multiple
        return min(max(round(side / step) * step, self.min_size), self.max_size)

    @property
    def ordered_modes(self) -> tuple[Mode, ...]:
        """Its modes, the default one first; the order of `modes` differs between processes."""
        return tuple(mode for mode in Mode if mode in self.modes)

    @property
    def first_mode(self) -> Mode:
        """The default mode."""
        return self.ordered_modes[0]
