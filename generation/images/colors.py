"""Colors of untrusted images: from their profile to sRGB.

A profile that is broken, or of another kind than the pixels, counts as none.
"""

from io import BytesIO

from PIL import Image, ImageCms

# Kinds of profiles and the modes of the pixels that they describe.
_MODES = {"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK"}


def in_srgb(picture: Image.Image, profile: bytes | None) -> Image.Image:
    """Return RGB, or RGBA if the picture has transparent parts, in sRGB."""
    picture = _eight_bits(picture)
    alpha = _alpha(picture)
    found = _converted(picture, profile) if profile else None
    if found is None:
        found = picture.convert("RGB")
    if alpha is not None:
        found.putalpha(alpha)
    return found


def _eight_bits(picture: Image.Image) -> Image.Image:
    """Keep the upper eight bits of gray levels of sixteen."""
    if picture.mode.startswith("I"):
        return picture.point(lambda level: level / 256).convert("L")
    return picture


def _alpha(picture: Image.Image) -> Image.Image | None:
    if "transparency" in picture.info:
        return picture.convert("RGBA").getchannel("A")
    return picture.getchannel("A") if "A" in picture.getbands() else None


def _converted(picture: Image.Image, profile: bytes) -> Image.Image | None:
    """Convert to sRGB; None for a profile that cannot be used."""
    try:
        source = ImageCms.ImageCmsProfile(BytesIO(profile))
        mode = _MODES.get(source.profile.xcolor_space.strip(), "")
        if not _fits(picture, mode):
            return None
        pixels = picture if picture.mode == mode else picture.convert(mode)
        transform = ImageCms.buildTransform(
            source,
            ImageCms.createProfile("sRGB"),
            mode,
            "RGB",
            renderingIntent=ImageCms.Intent.PERCEPTUAL,
        )
        return ImageCms.applyTransform(pixels, transform)
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return None


def _fits(picture: Image.Image, mode: str) -> bool:
    """Say whether a profile's kind can be that of the pixels; a palette may be of any but CMYK."""
    is_gray = picture.mode in {"1", "L", "LA", "La"}
    if mode == "L":
        return is_gray
    if mode == "CMYK":
        return picture.mode == "CMYK"
    return mode == "RGB" and picture.mode != "CMYK"
