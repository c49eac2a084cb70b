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


class Mode(StrEnum):
    """What a checkpoint can be asked to do."""

    TEXT_TO_IMAGE = "text_to_image"
    IMAGE_TO_IMAGE = "image_to_image"
    INPAINT = "inpaint"
    OUTPAINT = "outpaint"
    DEPTH_TO_IMAGE = "depth_to_image"
    UPSCALE = "upscale"

    @property
    def pictures(self) -> tuple[str, ...]:
        """The input pictures it needs."""
        return _PICTURES[self]

    @property
    def has_picture(self) -> bool:
        """Whether it works on the person's own picture, so that `strength` means something."""
        return self in _ON_A_PICTURE


_PICTURES = {
    Mode.TEXT_TO_IMAGE: (),
    Mode.IMAGE_TO_IMAGE: ("image",),
    Mode.INPAINT: ("image", "mask"),
    Mode.OUTPAINT: ("image",),
    # A depth map may be given, too; else the checkpoint's own estimator makes one.
    Mode.DEPTH_TO_IMAGE: ("image",),
    Mode.UPSCALE: ("image",),
}
_ON_A_PICTURE = {Mode.IMAGE_TO_IMAGE, Mode.INPAINT, Mode.OUTPAINT, Mode.DEPTH_TO_IMAGE}


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
