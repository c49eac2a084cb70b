"""The sandbox's invoices as PDF: one page of text, without a library."""

from collections.abc import Iterable

from django.conf import settings
from django.utils.formats import date_format

from billing import money
from billing.providers.sandbox.objects import Json
from billing.providers.stripe.json import moment

_LEFT, _TOP, _LEADING = 72, 760, 18


def invoice(data: Json, *, email: str) -> bytes:
    """The invoice, addressed to `email`."""
    total = money.text(data["total"], data["currency"])
    lines = [
        f"{settings.SITE_NAME}: test invoice {data['number']}",
        "This is a test: no money moved.",
        "",
        f"To: {email}",
        f"Date: {date_format(moment(data['created']), 'Y-m-d')}",
        "",
        *(
            f"{line['description']}: {money.text(line['amount'], data['currency'])}"
            for line in data["lines"]["data"]
        ),
        "",
        f"Total: {total} ({data['status']})",
    ]
    return _document(lines)


def _document(lines: Iterable[str]) -> bytes:
    shown = b"\n".join(b"(%s) Tj T*" % _escaped(line) for line in lines)
    text = b"BT /F1 12 Tf %d TL %d %d Td\n%s\nET" % (_LEADING, _LEFT, _TOP, shown)
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources %s >>"
        % b"<< /Font << /F1 5 0 R >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(text), text),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
    ]
    document = bytearray(b"%PDF-1.4\n")
    offsets = []
    for number, each in enumerate(objects, start=1):
        offsets.append(len(document))
        document += b"%d 0 obj\n%s\nendobj\n" % (number, each)
    table = len(document)
    document += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    document += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    document += b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (
        len(objects) + 1,
        table,
    )
    return bytes(document)


def _escaped(text: str) -> bytes:
    encoded = text.encode("cp1252", errors="replace")
    return encoded.replace(b"\\", rb"\\").replace(b"(", rb"\(").replace(b")", rb"\)")
