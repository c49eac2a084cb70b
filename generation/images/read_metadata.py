"""Reads an image's metadata and signature; runs in its own process with resource limits.

    python -m generation.images.read_metadata [CHAIN.pem] < image > metadata.json

Accepts PNG, JPEG and WebP, recognized by content. Writes `Metadata` as JSON to standard output. For
other input it prints one word to standard error, as `sanitize` does. Given a certificate chain, it also
checks the signature against it. Imports no Django.
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
# Longer texts are not ours.
MAX_TEXT = 2_000
_XMP_PLACES = ("XML:com.adobe.xmp", "xmp")


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
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
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
    picture = opened(content)
    try:
        picture.load()
        texts = {**picture.info, **getattr(picture, "text", {})}
    except Exception as error:  # decoders raise anything on a damaged file
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
    """Return a property of the XMP packet, an attribute or an element; empty if missing.

    Uses no XML parser, because entities of untrusted files must not be expanded.
    """
    found = re.search(rf"""\w+:{name}\s*(?:=\s*"([^"<]*)"|=\s*'([^'<]*)'|[^>]*>\s*([^<]*))""", xmp)
    text = next((group for group in found.groups() if group), "") if found else ""
    return unescape(text[:MAX_TEXT], {"&quot;": '"', "&apos;": "'"})


def _text(value: Any) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def _signature(content: bytes, picture: Image.Image, *, chain: str) -> dict[str, str]:
    import c2pa  # noqa: PLC0415  # slow import: a large native library, needed after decoding only

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
