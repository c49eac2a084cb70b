"""Every image bears an AI label that other programs can read."""

from io import BytesIO
from xml.etree.ElementTree import fromstring

import PIL.Image
import pytest

from generation.images import ai_label, read_metadata
from generation.images.ai_label import AI_MADE, Mark

NAMES = {
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "dc": "http://purl.org/dc/elements/1.1/",
    "ext": "http://iptc.org/std/Iptc4xmpExt/2008-02-29/",
    "xmp": "http://ns.adobe.com/xap/1.0/",
    "mm": "http://ns.adobe.com/xap/1.0/mm/",
}
FORMATS = ["PNG", "WEBP", "JPEG"]


def a_mark(**values):
    return Mark(**{"tool": "Stepwise", "system": "Stable Diffusion (sd-1.5)", **values})


def encoded(format, mark, **options):
    return ai_label.encoded(PIL.Image.new("RGB", (32, 16), "teal"), format, mark, **options)


def xmp_of(content):
    with PIL.Image.open(BytesIO(content)) as picture:
        picture.load()
        packet = picture.info.get("XML:com.adobe.xmp") or picture.info["xmp"]
    return packet if isinstance(packet, str) else packet.decode()


def description_in(packet):
    packet = packet.split("?>", 1)[1].rsplit("<?", 1)[0]
    tree = fromstring(packet)  # noqa: S314  # our own XML
    return tree.find(".//rdf:Description", NAMES)


@pytest.mark.parametrize("format", FORMATS)
def test_the_packet_says_what_iptc_agreed_on(format):
    found = description_in(xmp_of(encoded(format, a_mark())))

    assert found.get(f"{{{NAMES['ext']}}}DigitalSourceType") == AI_MADE
    assert found.get(f"{{{NAMES['ext']}}}AISystemUsed") == "Stable Diffusion (sd-1.5)"
    assert found.get(f"{{{NAMES['xmp']}}}CreatorTool") == "Stepwise"
    assert AI_MADE.endswith("/trainedAlgorithmicMedia")


@pytest.mark.parametrize("format", FORMATS)
def test_it_is_read_again_from_every_format(format):
    told = read_metadata.read(encoded(format, a_mark()), chain="")

    assert (told.format, told.source_type, told.tool) == (format, AI_MADE, "Stepwise")


@pytest.mark.parametrize("name", ["A & B", '"Q" <X>', "it's", "图片站", "a\x00b\x1fc"])
def test_any_name_makes_a_packet_that_can_be_read(name):
    found = description_in(xmp_of(encoded("PNG", a_mark(tool=name, synthetic_for=name))))

    assert found is not None
    assert found.get(f"{{{NAMES['xmp']}}}CreatorTool") == name.replace("\x00", "").replace(
        "\x1f", ""
    )


def test_two_pictures_with_the_same_pixels_are_two_files():
    assert encoded("PNG", a_mark()) != encoded("PNG", a_mark())


def test_a_picture_for_a_field_says_that_it_is_no_real_case():
    content = encoded("PNG", a_mark(synthetic_for="medicine"))

    said = "Synthetic picture for medicine, made by AI. It shows no real case."
    assert description_in(xmp_of(content)).find("dc:description//rdf:li", NAMES).text == said
    assert read_metadata.read(content, chain="").disclaimer == said


def test_any_other_picture_says_nothing_of_the_kind():
    content = encoded("PNG", a_mark())

    assert description_in(xmp_of(content)).find("dc:description", NAMES) is None
    assert read_metadata.read(content, chain="").disclaimer == ""


def test_texts_of_every_script_survive():
    content = encoded("PNG", a_mark(), texts={"parameters": "红房子 🏠"})

    with PIL.Image.open(BytesIO(content)) as picture:
        assert picture.text["parameters"] == "红房子 🏠"
