"""Label of AI-made images: IPTC's source type, the program and a disclaimer.

Written as XMP, which search engines and social networks read; in PNG also as text chunks.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from PIL import Image as PillowImage
from PIL.PngImagePlugin import PngInfo

AI_MADE = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
"""IPTC's identifier of media made by a trained model; not an address to fetch."""
PNG_XMP = "XML:com.adobe.xmp"
# A registered keyword of PNG.
DISCLAIMER = "Disclaimer"

_PACKET = """\
<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about=""
    xmlns:dc="http://purl.org/dc/elements/1.1/"
    xmlns:xmp="http://ns.adobe.com/xap/1.0/"
    xmlns:xmpMM="http://ns.adobe.com/xap/1.0/mm/"
    xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
    Iptc4xmpExt:DigitalSourceType={source_type}
    Iptc4xmpExt:AISystemUsed={system}
    xmp:CreatorTool={tool}
    xmpMM:DocumentID={document}>{description}
  </rdf:Description>
 </rdf:RDF>
</x:xmpmeta>
<?xpacket end="w"?>"""
_DESCRIPTION = """
   <dc:description><rdf:Alt><rdf:li xml:lang="x-default">{text}</rdf:li></rdf:Alt></dc:description>"""


@dataclass(frozen=True, kw_only=True)
class Mark:
    """`tool` is the site, `system` the model, `synthetic_for` the field named in the disclaimer.

    `document` is random. It keeps a file's digest secret from everyone without the file. Otherwise
    a guessed prompt would reproduce the file and reveal, by detection, that somebody made it.
    """

    tool: str
    system: str
    synthetic_for: str = ""
    document: str = field(default_factory=lambda: f"xmp.did:{uuid.uuid4()}")

    @property
    def disclaimer(self) -> str:
        """The disclaimer for a field; empty without `synthetic_for`."""
        if not self.synthetic_for:
            return ""
        field = _printable(self.synthetic_for)
        return f"Synthetic picture for {field}, made by AI. It shows no real case."

    def xmp(self) -> bytes:
        """Return the XMP packet."""
        description = _DESCRIPTION.format(text=escape(self.disclaimer)) if self.disclaimer else ""
        packet = _PACKET.format(
            source_type=quoteattr(AI_MADE),
            system=quoteattr(_printable(self.system)),
            tool=quoteattr(_printable(self.tool)),
            document=quoteattr(self.document),
            description=description,
        )
        return packet.encode()


def encoded(
    picture: PillowImage.Image,
    format: str,
    mark: Mark,
    *,
    texts: Mapping[str, str] | None = None,
    **options: Any,
) -> bytes:
    """Return the labeled file as PNG, WebP or JPEG. `texts` go into PNG only.

    Every file of a generated image must be made here.
    """
    buffer = BytesIO()
    if format == "PNG":
        options["pnginfo"] = _png_info(mark, texts or {})
    else:
        options["xmp"] = mark.xmp()
    picture.save(buffer, format, **options)
    return buffer.getvalue()


def _png_info(mark: Mark, texts: Mapping[str, str]) -> PngInfo:
    info = PngInfo()
    info.add_itxt(PNG_XMP, mark.xmp().decode())
    info.add_text("Software", mark.tool)
    if mark.disclaimer:
        info.add_itxt(DISCLAIMER, mark.disclaimer)
    for keyword, text in texts.items():
        info.add_itxt(keyword, text)
    return info


def _printable(text: str) -> str:
    """Leave out characters that XML cannot contain."""
    return "".join(each for each in text if each.isprintable())
