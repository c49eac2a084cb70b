"""Images are signed if a certificate is configured; a failed signature loses no image."""

from io import BytesIO

import PIL.Image
import pytest

from generation.images import ai_label, read_metadata
from generation.images import c2pa as images_c2pa
from generation.images.ai_label import AI_MADE, Mark
from generation.images.c2pa import InvalidCredential
from tests.generation.certificates import Issuer, use


@pytest.fixture(scope="module")
def issuer():
    return Issuer()


@pytest.fixture
def files(issuer, tmp_path, settings):
    files = issuer.issue(tmp_path / "mine")
    use(settings, files)
    return files


@pytest.fixture(scope="module")
def png():
    mark = Mark(tool="Stepwise", system="Stable Diffusion (sketchbook)")
    return ai_label.encoded(PIL.Image.effect_noise((64, 64), 80).convert("RGB"), "PNG", mark)


def told(content, files):
    return read_metadata.read(content, chain=files.chain.read_text())


def test_without_a_certificate_a_picture_stays_as_it_is(png):
    assert images_c2pa.signed(png, title="x") == png


def test_a_signed_picture_shows_the_same_and_bears_our_signature(png, files):
    signed = images_c2pa.signed(png, title="x")

    with PIL.Image.open(BytesIO(signed)) as after, PIL.Image.open(BytesIO(png)) as before:
        assert after.tobytes() == before.tobytes()
        assert after.text == before.text
    read = told(signed, files)
    assert (read.signature, read.signer) == ("Trusted", "Stepwise")
    assert read.serial == images_c2pa.credential().serial


def test_the_manifest_says_that_a_model_made_it(png, files):
    import c2pa  # noqa: PLC0415  # slow import: c2pa

    signed = images_c2pa.signed(png, title="xmp.did:1")

    with c2pa.Reader("image/png", BytesIO(signed)) as reader:
        manifest = reader.get_active_manifest()
    (action,) = manifest["assertions"][0]["data"]["actions"]
    assert action == {"action": "c2pa.created", "digitalSourceType": AI_MADE}
    assert manifest["title"] == "xmp.did:1"


def test_a_changed_picture_breaks_its_signature(png, files):
    signed = bytearray(images_c2pa.signed(png, title="x"))
    place = signed.rindex(b"IDAT") + 20
    signed[place] ^= 1

    import c2pa  # noqa: PLC0415  # slow import: c2pa

    with c2pa.Reader("image/png", BytesIO(bytes(signed))) as reader:
        assert reader.get_validation_state() == "Invalid"


def test_anothers_signature_is_valid_but_not_ours(png, files, settings, tmp_path):
    use(settings, Issuer("Somebody else").issue(tmp_path / "other", name="Somebody else"))

    read = told(images_c2pa.signed(png, title="x"), files)

    assert (read.signature, read.signer) == ("Valid", "Somebody else")


def test_the_same_issuers_other_site_is_told_by_its_number(png, files, issuer, settings, tmp_path):
    ours = images_c2pa.credential().serial
    use(settings, issuer.issue(tmp_path / "other", name="Stepwise"))

    read = told(images_c2pa.signed(png, title="x"), files)

    assert read.signature == "Trusted"
    assert read.serial != ours


def test_a_credential_that_went_bad_costs_the_signature_not_the_picture(
    png, issuer, settings, tmp_path, caplog
):
    use(settings, issuer.issue(tmp_path, days=-1))

    assert images_c2pa.signed(png, title="x") == png
    assert "could not be signed" in caplog.text


def test_what_the_library_cannot_sign_stays_as_it_is(files, caplog):
    assert images_c2pa.signed(b"no picture", title="x") == b"no picture"
    assert "could not be signed" in caplog.text


def without_issuer(files, tmp_path):
    first = files.chain.read_text().split("-----END CERTIFICATE-----")[0]
    files.chain.write_text(f"{first}-----END CERTIFICATE-----\n")
    return files


def without_key(files, tmp_path):
    files.key.unlink()
    return files


def with_nonsense(files, tmp_path):
    files.chain.write_text("nonsense")
    return files


def with_anothers_key(files, tmp_path):
    files.key.write_bytes(Issuer().issue(tmp_path / "another").key.read_bytes())
    return files


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (without_issuer, "needs its issuer's certificate"),
        (without_key, "cannot be read"),
        (with_nonsense, "cannot be read"),
        (with_anothers_key, "is not the key of"),
    ],
)
def test_a_credential_that_cannot_be_used_says_why(issuer, tmp_path, spoil, reason):
    files = spoil(issuer.issue(tmp_path / "spoiled"), tmp_path)

    with pytest.raises(InvalidCredential, match=reason):
        images_c2pa.Credential.read(files.chain, files.key)


def test_a_credential_that_has_expired_says_so(issuer, tmp_path):
    files = issuer.issue(tmp_path, days=-1)

    with pytest.raises(InvalidCredential, match="has expired"):
        images_c2pa.Credential.read(files.chain, files.key)
