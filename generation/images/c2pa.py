"""C2PA signatures: a signed manifest inside an image that names its maker and proves integrity.

Needs a certificate and key that C2PA accepts; see docs/checkpoints.md. Without them images are labeled
but not signed.
"""

import io
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from django.conf import settings
from django.utils import timezone

from generation.images.ai_label import AI_MADE

log = logging.getLogger(__name__)

# C2PA's names of algorithms by elliptic curve.
_CURVES = {"secp256r1": "es256", "secp384r1": "es384", "secp521r1": "es512"}
# No thumbnail, and no network requests when signing or reading.
OPTIONS: dict[str, Any] = {
    "verify": {"remote_manifest_fetch": False, "ocsp_fetch": False},
    "builder": {"thumbnail": {"enabled": False}},
}


class InvalidCredential(ValueError):
    """The certificate or the key is unusable; the message tells the operator why."""


class NotSigned(Exception):
    """The library failed to sign; the message is its own."""


@dataclass(frozen=True)
class Credential:
    """The site's certificate chain, its own certificate first, and its key."""

    chain: bytes
    key: bytes
    algorithm: str
    certificates: Sequence[x509.Certificate]

    @classmethod
    def read(cls, certificate: Path, key: Path) -> "Credential":
        """Raises InvalidCredential."""
        try:
            chain, secret = certificate.read_bytes(), key.read_bytes()
            certificates = x509.load_pem_x509_certificates(chain)
            private = serialization.load_pem_private_key(secret, password=None)
        except (OSError, ValueError, TypeError) as error:
            raise InvalidCredential(f"The C2PA credential cannot be read: {error}") from error
        if private.public_key() != certificates[0].public_key():
            raise InvalidCredential(
                f"{key} is not the key of the first certificate in {certificate}."
            )
        if certificates[0].not_valid_after_utc < timezone.now():
            raise InvalidCredential(f"The certificate in {certificate} has expired.")
        if len(certificates) < 2:
            raise InvalidCredential(f"{certificate} needs its issuer's certificate after its own.")
        return cls(chain, secret, _algorithm(private), certificates)

    @property
    def serial(self) -> str:
        """The certificate's serial number, in decimal."""
        return str(self.certificates[0].serial_number)


def credential() -> Credential | None:
    """Return the configured credential, or None. Raises InvalidCredential."""
    if not settings.C2PA_CERTIFICATE and not settings.C2PA_KEY:
        return None
    return _read(settings.C2PA_CERTIFICATE, settings.C2PA_KEY)


def signed(png: bytes, *, title: str) -> bytes:
    """Return the PNG with a manifest. Without a credential, or on a logged error, return it unchanged."""
    try:
        known = credential()
        return png if known is None else _sign(png, known, title=title)
    except (InvalidCredential, NotSigned) as error:
        # A customer's image must not be lost for a signature.
        log.error("a picture could not be signed: %s", error)  # noqa: TRY400  # the reason says it all
        return png


def _sign(png: bytes, known: Credential, *, title: str) -> bytes:
    """Raises NotSigned."""
    import c2pa  # noqa: PLC0415  # slow import: a large native library that only workers need

    info = c2pa.C2paSignerInfo(
        known.algorithm, known.chain, known.key, settings.C2PA_TIMESTAMP_URL or None
    )
    output = io.BytesIO()
    try:
        with (
            c2pa.Context.from_dict(OPTIONS) as context,
            c2pa.Signer.from_info(info) as signer,
            c2pa.Builder(_manifest(title), context) as builder,
        ):
            builder.sign(signer, "image/png", io.BytesIO(png), output)
    except c2pa.C2paError as error:
        raise NotSigned(str(error)) from error
    return output.getvalue()


def _manifest(title: str) -> dict[str, Any]:
    created = {"action": "c2pa.created", "digitalSourceType": AI_MADE}
    return {
        "claim_generator_info": [{"name": settings.SITE_NAME}],
        "title": title,
        "assertions": [{"label": "c2pa.actions.v2", "data": {"actions": [created]}}],
    }


def _algorithm(key: object) -> str:
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return "ed25519"
    if isinstance(key, rsa.RSAPrivateKey):
        return "ps256"
    if isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.name in _CURVES:
        return _CURVES[key.curve.name]
    raise InvalidCredential("C2PA has no signatures of this kind of key.")


@cache
def _read(certificate: str, key: str) -> Credential:
    return Credential.read(Path(certificate), Path(key))
