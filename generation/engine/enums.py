"""Model families, modes and noise schedulers."""

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
    """The noise schedulers (samplers) of diffusers that can be asked for."""

    DDIM = "ddim"
    DDPM = "ddpm"
    EULER = "euler"
    EULER_ANCESTRAL = "euler_ancestral"
    DPMPP_2M = "dpmpp_2m"
    DPMPP_2M_KARRAS = "dpmpp_2m_karras"
    DPMPP_2M_SDE = "dpmpp_2m_sde"
    UNIPC = "unipc"
    HEUN = "heun"
    PNDM = "pndm"


FLOW_SCHEDULERS = (NoiseScheduler.EULER, NoiseScheduler.HEUN)
"""Those that models trained by flow matching can use."""

WITH_ETA = frozenset({NoiseScheduler.DDIM, NoiseScheduler.EULER_ANCESTRAL})
"""Those whose share of fresh noise can be chosen."""
