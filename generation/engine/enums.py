"""Model families, modes, noise schedulers and sigma schedules."""

from collections.abc import Mapping
from enum import StrEnum

ENLARGEMENT = 4
"""How many times as wide and high the upscaler makes a picture."""


class Family(StrEnum):
    """Architectures; each has a module in `families`."""

    SD1 = "sd1"
    SD2 = "sd2"
    SDXL = "sdxl"
    SD3 = "sd3"

    @property
    def noise_schedulers(self) -> tuple["NoiseScheduler", ...]:
        """The noise schedulers that its models can use."""
        return FLOW_SCHEDULERS if self is Family.SD3 else tuple(NoiseScheduler)


class Mode(StrEnum):
    """The ways to make a picture. Each checkpoint offers some of them."""

    TEXT_TO_IMAGE = "text_to_image"
    IMAGE_TO_IMAGE = "image_to_image"
    INPAINT = "inpaint"
    OUTPAINT = "outpaint"
    DEPTH_TO_IMAGE = "depth_to_image"
    UPSCALE = "upscale"

    @property
    def uses(self) -> tuple[str, ...]:
        """The inputs that it reads beside prompt and seed; the studio shows these fields alone."""
        return _USES[self]

    @property
    def pictures(self) -> tuple[str, ...]:
        """The input pictures that it needs. A depth map is optional: without one, it is estimated."""
        return tuple(name for name in self.uses if name in ("image", "mask"))

    @property
    def has_picture(self) -> bool:
        """True if it repaints an input picture, to the degree that `strength` says."""
        return "image" in self.uses and self is not Mode.UPSCALE


PICTURES = ("image", "mask", "depth")
"""The input pictures of a request, by the names of its fields."""

# The only table of modes and inputs: forms, pages, styles and scripts read it.
_USES = {
    Mode.TEXT_TO_IMAGE: ("shape", "refiner"),
    Mode.IMAGE_TO_IMAGE: ("image", "strength", "shape"),
    Mode.INPAINT: ("image", "mask", "strength", "shape"),
    Mode.OUTPAINT: ("image", "room"),
    Mode.DEPTH_TO_IMAGE: ("image", "depth", "strength", "shape"),
    Mode.UPSCALE: ("image", "noise_level"),
}


class MaskFill(StrEnum):
    """What inpainting starts from under the mask: as AUTOMATIC1111's `inpainting_fill`, in its order."""

    FILL = "fill"
    ORIGINAL = "original"
    LATENT_NOISE = "latent_noise"
    LATENT_NOTHING = "latent_nothing"


class NoiseScheduler(StrEnum):
    """The noise schedulers (samplers) of diffusers that can be asked for.

    A name means the same on every checkpoint, whatever sigmas its configuration asks for.
    """

    DDIM = "ddim"
    DDPM = "ddpm"
    EULER = "euler"
    EULER_ANCESTRAL = "euler_ancestral"
    DPMPP_2M = "dpmpp_2m"
    DPMPP_2M_KARRAS = "dpmpp_2m_karras"
    DPMPP_2M_SDE = "dpmpp_2m_sde"
    DPMPP_2M_SDE_HEUN = "dpmpp_2m_sde_heun"
    DPMPP_SDE = "dpmpp_sde"
    DPM2 = "dpm2"
    DPM2_ANCESTRAL = "dpm2_ancestral"
    UNIPC = "unipc"
    HEUN = "heun"
    LMS = "lms"
    PNDM = "pndm"
    LCM = "lcm"
    TCD = "tcd"

    @property
    def evaluates_twice(self) -> bool:
        """True if a step, except the last, evaluates the denoiser at its middle or end, too."""
        return self in _SECOND_ORDER

    @property
    def hands_over(self) -> bool:
        """True if a refiner can go on with its latents in the middle of the schedule."""
        return self not in _SECOND_ORDER | _CONSISTENCY | {NoiseScheduler.LMS}

    @property
    def max_steps(self) -> int | None:
        """The most steps, or None: consistency models are trained on a grid of so many timesteps."""
        return CONSISTENCY_STEPS if self in _CONSISTENCY else None

    def sigma_schedules(self, family: Family) -> tuple["SigmaSchedule", ...]:
        """The sigma schedules that diffusers has for it; the first is its default."""
        if family is Family.SD3:
            return _FLOW_SIGMAS[self] if self in FLOW_SCHEDULERS else ()
        return _SIGMAS.get(self, (SigmaSchedule.UNIFORM, SigmaSchedule.SGM_UNIFORM))


class SigmaSchedule(StrEnum):
    """The spacing of a run's noise levels.

    `UNIFORM` is the noise scheduler's own, by the timestep spacing of the checkpoint. The others are
    those of AUTOMATIC1111's web UI, computed by diffusers.
    """

    UNIFORM = "uniform"
    KARRAS = "karras"
    EXPONENTIAL = "exponential"
    BETA = "beta"
    SGM_UNIFORM = "sgm_uniform"


FLOW_SCHEDULERS = (NoiseScheduler.EULER, NoiseScheduler.HEUN)
"""Those that models trained by flow matching can use."""
WITH_ETA = frozenset({NoiseScheduler.DDIM, NoiseScheduler.EULER_ANCESTRAL})
"""Those whose share of fresh noise can be chosen."""
CONSISTENCY_STEPS = 50

_SECOND_ORDER = frozenset(
    {
        NoiseScheduler.HEUN,
        NoiseScheduler.DPM2,
        NoiseScheduler.DPM2_ANCESTRAL,
        NoiseScheduler.DPMPP_SDE,
    }
)
_CONSISTENCY = frozenset({NoiseScheduler.LCM, NoiseScheduler.TCD})
# Consistency models keep to their training's timesteps. Noise schedulers that are missing here step
# from timestep to timestep, so diffusers can only space those out.
_SIGMAS: Mapping[NoiseScheduler, tuple[SigmaSchedule, ...]] = {
    **dict.fromkeys(_CONSISTENCY, (SigmaSchedule.UNIFORM,)),
    NoiseScheduler.DPMPP_2M_KARRAS: (SigmaSchedule.UNIFORM, SigmaSchedule.KARRAS),
    **dict.fromkeys(
        (
            *sorted(_SECOND_ORDER),
            NoiseScheduler.EULER,
            NoiseScheduler.LMS,
            NoiseScheduler.UNIPC,
            NoiseScheduler.DPMPP_2M,
            NoiseScheduler.DPMPP_2M_SDE,
            NoiseScheduler.DPMPP_2M_SDE_HEUN,
        ),
        tuple(SigmaSchedule),
    ),
}
_FLOW_SIGMAS: Mapping[NoiseScheduler, tuple[SigmaSchedule, ...]] = {
    NoiseScheduler.EULER: (
        SigmaSchedule.UNIFORM,
        SigmaSchedule.KARRAS,
        SigmaSchedule.EXPONENTIAL,
        SigmaSchedule.BETA,
    ),
    NoiseScheduler.HEUN: (SigmaSchedule.UNIFORM,),
}
