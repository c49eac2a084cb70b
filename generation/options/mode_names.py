"""What each mode of a checkpoint is called, in the words of people who use it."""

from collections.abc import Mapping

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from generation.engine.enums import Mode

TEXT_TO_IMAGE = Mode.TEXT_TO_IMAGE
IMAGE_TO_IMAGE = Mode.IMAGE_TO_IMAGE
INPAINT = Mode.INPAINT
OUTPAINT = Mode.OUTPAINT
DEPTH_TO_IMAGE = Mode.DEPTH_TO_IMAGE
UPSCALE = Mode.UPSCALE

NAMES: Mapping[str, str | Promise] = {
    TEXT_TO_IMAGE: _("Text to image"),
    IMAGE_TO_IMAGE: _("Image to image"),
    INPAINT: _("Inpainting"),
    OUTPAINT: _("Outpainting"),
    DEPTH_TO_IMAGE: _("Depth to image"),
    UPSCALE: _("Upscaling"),
}
"""In the order in which they are listed."""

STARTS: Mapping[str, str | Promise] = {
    TEXT_TO_IMAGE: _("Words"),
    IMAGE_TO_IMAGE: _("A picture"),
    INPAINT: _("Part of a picture"),
    OUTPAINT: _("Beyond its edges"),
    DEPTH_TO_IMAGE: _("Its depth"),
    UPSCALE: _("Enlarge it"),
}
"""What each starts from, for somebody who chooses."""
