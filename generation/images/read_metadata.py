"""Reads what a picture says of itself: run as a process of its own, within limits of its own.

    python -m generation.images.read_metadata [CHAIN.pem] < picture > what-it-says.json

Takes a PNG, JPEG or WebP, told by its content. Says on standard output, as JSON, what `Told` has; for
what is no such picture it prints one word on standard error, as `sanitize` does. With a certificate's
chain it also says whether the picture bears a signature that leads to it. Imports no Django.
"""

import io
import json
import re
import resource
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from xml.sax.saxutils import unescape

from PIL import Image

from generation.images.sanitize import CPU_SECONDS, MEMORY_BYTES, Refused, opened

MIME_TYPES = {"PNG": "image/png", "JPEG": "image/jpeg", "WEBP": "image/webp"}
# A picture of ours says all it has to in a few; what is longer was put there by somebody else.
MAX_TEXT = 2_000
_XMP_PLACES = ("XML:com.adobe.xmp", "xmp")


@dataclass(frozen=True, kw_only=True)
class Metadata:
    """What a picture says of itself, none of it to be believed but the signature.

    `signature` is the library's word for its state: Trusted leads to the chain that was given, Valid to
    somebody else's, Invalid to none; empty where there is none. `signer` is who signed, `serial` the
    certificate's number.
    """

    format: str
    source_type: str = ""
    tool: str = ""
    disclaimer: str = ""
    has_parameters: bool = False
    signature: str = ""
    signer: str = ""
    serial: str = ""


def main(arguments: list[str]) -> int:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    chain = Path(arguments[0]).read_text() if arguments else ""
    try:
        told = read(sys.stdin.buffer.read(), chain=chain)
    except Refused as refused:
        sys.stderr.write(str(refused))
        return 1
    json.dump(asdict(told), sys.stdout)
    return 0


def read(content: bytes, *, chain: str) -> Metadata:
    """Return what a picture says. Raises Refused."""
    picture = opened(content)
    try:
        picture.load()
        texts = {**picture.info, **getattr(picture, "text", {})}
    except Exception as error:  # whatever a decoder stumbles over, the file is at fault
        raise Refused("damaged") from error
    assert picture.format is not None
    xmp = next((_text(texts[place]) for place in _XMP_PLACES if place in texts), "")
    return Metadata(
        format=picture.format,
        source_type=_property(xmp, "DigitalSourceType"),
        tool=_property(xmp, "CreatorTool") or _text(texts.get("Software", ""))[:MAX_TEXT],
        disclaimer=_text(texts.get("Disclaimer", ""))[:MAX_TEXT],
        has_parameters="parameters" in texts and "request" in texts,
        **_signature(content, picture, chain=chain),
    )


def _property(xmp: str, name: str) -> str:
    """Return a property of the packet, which may be an attribute or an element.

    Not by a parser of XML: nobody's entities are worth expanding.
    """
    found = re.search(rf"""\w+:{name}\s*(?:=\s*"([^"<]*)"|=\s*'([^'<]*)'|[^>]*>\s*([^<]*))""", xmp)
    text = next((group for group in found.groups() if group), "") if found else ""
    return unescape(text[:MAX_TEXT], {"&quot;": '"', "&apos;": "'"})


def _text(value: Any) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def _signature(content: bytes, picture: Image.Image, *, chain: str) -> dict[str, str]:
    import c2pa

    settings: dict[str, Any] = {"verify": {"remote_manifest_fetch": False, "ocsp_fetch": False}}
    if chain:
        settings["trust"] = {"user_anchors": chain}
    assert picture.format is not None
    try:
        with (
            c2pa.Context.from_dict(settings) as context,
            c2pa.Reader(MIME_TYPES[picture.format], io.BytesIO(content), context=context) as reader,
        ):
            manifest = reader.get_active_manifest() or {}
            state = reader.get_validation_state() or ""
    except c2pa.C2paError:
        # None, or none that can be read.
        return {}
    info = manifest.get("signature_info", {})
    return {
        "signature": state,
        "signer": str(info.get("common_name") or info.get("issuer") or "")[:MAX_TEXT],
        "serial": str(info.get("cert_serial_number", "")),
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
