"""Reads an image's metadata and signature; runs in its own process with resource limits.

    python -m generation.images.read_metadata [CHAIN.pem] < image > metadata.json

Accepts PNG, JPEG, WebP, AVIF and HEIC, recognized by content. Writes `Metadata` as JSON to standard output.
For other input it prints one word to standard error, as `sanitize` does. Given a certificate chain, it also
checks the signature against it. Imports no Django.
"""

import io
import json
import re
import sys
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any
from xml.sax.saxutils import unescape

from generation.images.decoding import Opened, Refused, opened
from generation.images.sanitize import limit_resources

MIME_TYPES = {
    "PNG": "image/png",
    "JPEG": "image/jpeg",
    "WEBP": "image/webp",
    "AVIF": "image/avif",
    "HEIF": "image/heic",
}
# Longer texts are not ours.
MAX_TEXT = 2_000
# A property is written once. Each mention may be looked at up to the end of the packet.
MAX_MENTIONS = 20
# Possessive, so that no text takes more than one look.
_VALUE = re.compile(
    r"""\s*+(?:=\s*+"([^"<]*+)"|=\s*+'([^'<]*+)'|[^>]*+>\s*+([^<]*+))""",
)
# The name that people know.
NAMES = {"HEIF": "HEIC"}


@dataclass(frozen=True, kw_only=True)
class Metadata:
    """An image's own claims; only the signature can be trusted.

    `signature` is the library's state: Trusted (by the given chain), Valid (by another chain), Invalid,
    or empty without a signature. `signer` is the signer's name, `serial` the certificate's number.
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
    limit_resources()
    chain = Path(arguments[0]).read_text() if arguments else ""
    try:
        metadata = read(sys.stdin.buffer.read(), chain=chain)
    except Refused as refused:
        sys.stderr.write(str(refused))
        return 1
    json.dump(asdict(metadata), sys.stdout)
    return 0


def read(content: bytes, *, chain: str) -> Metadata:
    """Return an image's metadata. Raises Refused."""
    image = opened(content)
    image.pixels()
    texts = image.parts.texts
    xmp = image.parts.xmp or _xmp_of(image)
    format = image.parts.format
    return Metadata(
        format=NAMES.get(format, format),
        source_type=_property(xmp, "DigitalSourceType"),
        tool=_property(xmp, "CreatorTool") or texts.get("Software", "")[:MAX_TEXT],
        disclaimer=texts.get("Disclaimer", "")[:MAX_TEXT],
        has_parameters="parameters" in texts and "request" in texts,
        **_signature(content, MIME_TYPES[format], chain=chain),
    )


def _xmp_of(image: Opened) -> str:
    """Return the XMP packet that a decoder found in a file of boxes."""
    found = image.picture.info.get("xmp") or b""
    return found.decode(errors="replace") if isinstance(found, bytes) else str(found)


def _property(xmp: str, name: str) -> str:
    """Return a property of the XMP packet, an attribute or an element; empty if missing.

    Uses no XML parser, because entities of untrusted files must not be expanded.
    """
    mentions = islice(re.finditer(rf"\w:{name}", xmp), MAX_MENTIONS)
    found = next(filter(None, (_VALUE.match(xmp, mention.end()) for mention in mentions)), None)
    text = next((group for group in found.groups() if group), "") if found else ""
    return unescape(text[:MAX_TEXT], {"&quot;": '"', "&apos;": "'"})


def _signature(content: bytes, mime_type: str, *, chain: str) -> dict[str, str]:
    import c2pa  # noqa: PLC0415  # slow import: a large native library, needed after decoding only

    settings: dict[str, Any] = {"verify": {"remote_manifest_fetch": False, "ocsp_fetch": False}}
    if chain:
        settings["trust"] = {"user_anchors": chain}
    try:
        with (
            c2pa.Context.from_dict(settings) as context,
            c2pa.Reader(mime_type, io.BytesIO(content), context=context) as reader,
        ):
            manifest = reader.get_active_manifest() or {}
            state = reader.get_validation_state() or ""
    except c2pa.C2paError:
        # No signature, or an unreadable one.
        return {}
    info = manifest.get("signature_info", {})
    return {
        "signature": state,
        "signer": str(info.get("common_name") or info.get("issuer") or "")[:MAX_TEXT],
        "serial": str(info.get("cert_serial_number", "")),
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
