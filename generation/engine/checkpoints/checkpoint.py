"""What a checkpoint is: where it comes from, what it can be asked for, and with which defaults."""

from dataclasses import dataclass

from generation.engine.enums import Family, Mode

GENERAL = frozenset({Mode.TEXT_TO_IMAGE, Mode.IMAGE_TO_IMAGE, Mode.INPAINT, Mode.OUTPAINT})
"""What any checkpoint can do that was not made for one purpose."""
PAINTING = frozenset({Mode.INPAINT, Mode.OUTPAINT})


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """One checkpoint. What it does not say is what most of its family have: see `listing`.

    Sizes are in pixels a side. `multiple` is what each side must divide by: the VAE's down-sampling
    times the denoiser's. `credits` are thousandths of a credit for one picture at native size and
    30 steps. `start_ms_per_step_megapixel` is the first guess at milliseconds for one forward pass
    over a million pixels, used until this installation has measured its own. `gated` weights need
    the operator's token. `refiner` is the id of the checkpoint that may finish its pictures.
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

    @property
    def is_bundled(self) -> bool:
        """Whether the weights come with this package rather than from the hub."""
        return self.source.startswith("sketchbook/")

    @property
    def first_mode(self) -> Mode:
        """What it is chosen for where nobody says."""
        return next(mode for mode in Mode if mode in self.modes)
