"""Decoding of untrusted images: checked by their headers, upright, in sRGB.

Runs in processes with resource limits alone. A decoder gets the bytes of the pixels and nothing else, so no text,
profile or EXIF data decides whether an image can be read. Imports neither Django nor torch.
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO

from PIL import Image, UnidentifiedImageError

from generation.images import colors, parts
from generation.images.parts import Parts

MAX_PIXELS = 16_777_216
# A camera's JPEG may have up to 50 megapixels: it is decoded at half its size.
MAX_JPEG_PIXELS = 50 * 2**20
# Decoding is by rows: a picture of one column takes a hundred times as long as a square.
MAX_SIDE = 16_384
# What is decoded at the end of a cut JPEG makes no difference if no pixel is missing. Each begins with other bits.
_FILLINGS = (b"\x55\x2a\x96\x69" * 32, b"\xaa\xd4\x69\x96" * 32)
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


class Refused(Exception):
    """The image is unusable; the message is `format`, `size`, `side` or `damaged`."""


@dataclass(frozen=True)
class Opened:
    """An image whose header has been checked; its pixels are not decoded yet."""

    picture: Image.Image
    parts: Parts

    def pixels(self) -> Image.Image:
        """Return the first frame as it is stored. Raises Refused."""
        try:
            self.picture.seek(0)
            self.picture.load()
            lacks_pixels = self.parts.is_cut and self._lacks_pixels()
        except Exception as error:  # decoders raise anything on a damaged file
            raise Refused("damaged") from error
        if lacks_pixels:
            raise Refused("damaged")
        # The boxes of HEIC may say another size than its pixels have.
        _require_bounds(self.picture.size, MAX_PIXELS)
        return self.picture

    def upright(self) -> Image.Image:
        """Return the first frame upright, as RGB or RGBA in sRGB. Raises Refused."""
        picture = self.pixels()
        try:
            found = colors.in_srgb(picture, self.parts.profile or picture.info.get("icc_profile"))
            turn = _TURNS.get(self._orientation())
            return found.transpose(turn) if turn is not None else found
        except Exception as error:
            raise Refused("damaged") from error

    def _orientation(self) -> int:
        """EXIF's; of AVIF that of its boxes, which Pillow tells in EXIF's words. libheif has turned HEIC."""
        if self.parts.format == "AVIF":
            return parts.exif.orientation(self.picture.info.get("exif", b""))
        return self.parts.orientation

    def _lacks_pixels(self) -> bool:
        """Say whether other bytes after the end would give other pixels."""
        whole = self.picture.tobytes()
        *kept, end = self.parts.kept
        for filling in _FILLINGS:
            with _decoder(self.parts.format, b"".join([*kept, filling, end])) as other:
                _reduce(other)
                if other.tobytes() != whole:
                    return True
        return False


def opened(content: bytes) -> Opened:
    """Open an image without decoding it, after checks of its header. Raises Refused."""
    try:
        found = parts.of(content)
        picture = _decoder(found.format, found.pixels)
    except parts.UnknownFormat as error:
        raise Refused("format") from error
    except Image.DecompressionBombError as error:
        raise Refused("size") from error
    except (UnidentifiedImageError, OSError, ValueError) as error:
        raise Refused("damaged") from error
    _require_bounds(picture.size, MAX_JPEG_PIXELS if found.format == "JPEG" else MAX_PIXELS)
    _reduce(picture)
    return Opened(picture, found)


def _require_bounds(size: tuple[int, int], max_pixels: int) -> None:
    """Raises Refused."""
    if size[0] * size[1] > max_pixels:
        raise Refused("size")
    if max(size) > MAX_SIDE:
        raise Refused("side")


def _reduce(picture: Image.Image) -> None:
    """Have a large JPEG decoded at half its size."""
    if picture.width * picture.height > MAX_PIXELS:
        picture.draft(None, (picture.width // 2, picture.height // 2))


def _decoder(format: str, content: bytes) -> Image.Image:
    if register := _PLUGINS.get(format):
        register()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return Image.open(BytesIO(content), formats=(format,))


def _heif() -> None:
    import pi_heif  # noqa: PLC0415  # slow import: a native library for few files

    pi_heif.register_heif_opener(
        thumbnails=False, depth_images=False, aux_images=False, decode_threads=1
    )


def _avif() -> None:
    from PIL import AvifImagePlugin  # noqa: PLC0415  # slow import: a native library for few files

    AvifImagePlugin.DEFAULT_MAX_THREADS = 1


_PLUGINS: dict[str, Callable[[], None]] = {"HEIF": _heif, "AVIF": _avif}
