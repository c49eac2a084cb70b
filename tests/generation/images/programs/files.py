"""Files with texts in every place where programs put them."""

import io
import struct

import PIL.Image
from django.core.files.base import ContentFile
from PIL.PngImagePlugin import PngInfo


def png(after=None, /, **texts):
    """A PNG with texts before its pixels; `after` stands behind them."""
    info = PngInfo()
    for name, text in texts.items():
        info.add_text(name.replace("__", "-"), text)
    for name, text in (after or {}).items():
        info.add(b"tEXt", f"{name}\0{text}".encode("latin-1"), after_idat=True)
    return _file("PNG", pnginfo=info)


def with_comment(format, text, *, code=b"UNICODE\0", encoding="utf-16-be", order=">"):
    """A JPEG or WebP with a UserComment in EXIF data of either byte order."""
    comment = code + text.encode(encoding)
    mark = b"MM\0*" if order == ">" else b"II*\0"
    first = struct.pack(order + "IHHHII", 8, 1, 0x8769, 4, 1, 26) + bytes(4)
    second = struct.pack(order + "HHHII", 1, 0x9286, 7, len(comment), 44) + bytes(4)
    data = mark + first + second + comment
    return _file(format, exif=(b"Exif\0\0" if format == "JPEG" else b"") + data)


def described(format, **texts):
    """A picture whose maker and model, in EXIF, have settings behind a keyword."""
    exif = PIL.Image.Exif()
    for tag, (name, text) in zip((0x0110, 0x010F), texts.items(), strict=False):
        exif[tag] = f"{name}:{text}"
    return _file(format, exif=exif)


def _file(format, **options):
    buffer = io.BytesIO()
    PIL.Image.new("RGB", (8, 8)).save(buffer, format, **options)
    return ContentFile(buffer.getvalue())
