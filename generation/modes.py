"""What each mode of a checkpoint is called, in the words of people who use it."""

from collections.abc import Mapping

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

TEXT_TO_IMAGE = "text_to_image"
IMAGE_TO_IMAGE = "image_to_image"
INPAINT = "inpaint"
OUTPAINT = "outpaint"
DEPTH_TO_IMAGE = "depth_to_image"
UPSCALE = "upscale"

NAMES: Mapping[str, str | Promise] = {
    TEXT_TO_IMAGE: _("Text to image"),
    IMAGE_TO_IMAGE: _("Image to image"),
    INPAINT: _("Inpainting"),
    OUTPAINT: _("Outpainting"),
    DEPTH_TO_IMAGE: _("Depth to image"),
    UPSCALE: _("Upscaling"),
}
"""In the order in which they are listed."""
