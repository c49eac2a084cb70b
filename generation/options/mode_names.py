"""Translated names of the modes, of their starting points in the studio, and of what fills a mask."""

from collections.abc import Mapping

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from generation.engine.enums import MaskFill, Mode

NAMES: Mapping[Mode, str | Promise] = {
    Mode.TEXT_TO_IMAGE: _("Text to image"),
    Mode.IMAGE_TO_IMAGE: _("Image to image"),
    Mode.INPAINT: _("Inpainting"),
    Mode.OUTPAINT: _("Outpainting"),
    Mode.DEPTH_TO_IMAGE: _("Depth to image"),
    Mode.UPSCALE: _("Upscaling"),
}
"""In the order of lists on pages."""

STARTS: Mapping[Mode, str | Promise] = {
    Mode.TEXT_TO_IMAGE: _("Words"),
    Mode.IMAGE_TO_IMAGE: _("A picture"),
    Mode.INPAINT: _("Part of a picture"),
    Mode.OUTPAINT: _("Beyond its edges"),
    Mode.DEPTH_TO_IMAGE: _("Its depth"),
    Mode.UPSCALE: _("Enlarge it"),
}
"""Labels of the studio's choice of mode."""

MASK_FILLS: Mapping[MaskFill, str | Promise] = {
    MaskFill.ORIGINAL: _("The picture"),
    MaskFill.FILL: _("Colors around it"),
    MaskFill.LATENT_NOISE: _("Noise"),
    MaskFill.LATENT_NOTHING: _("Nothing"),
}
"""The usual one comes first."""
