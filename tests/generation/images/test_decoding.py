"""Pictures of every kind are decoded upright, in sRGB, whatever else their file says."""

import io
import struct
import tracemalloc
import zlib

import numpy as np
import PIL.Image
import pytest
from PIL import ImageCms
from PIL.PngImagePlugin import PngInfo

from generation.images import decoding, parts
from generation.images.decoding import Refused, opened
from generation.images.sanitize import sanitized
from tests.generation.images import heic, profiles
from tests.generation.images.test_uploads import encoded, noise

LEFT, RIGHT = (16, 80, 160), (240, 80, 160)
GREEN = (0, 200, 80)


def clean(content):
    with PIL.Image.open(io.BytesIO(sanitized(content))) as picture:
        picture.load()
        return picture


def color(content):
    return clean(content).getpixel((4, 4))


def plain(color, mode="RGB", size=(16, 16)):
    return PIL.Image.new(mode, size, color)


def two_colors():
    picture = plain(RIGHT, size=(64, 32))
    picture.paste(LEFT, (0, 0, 32, 32))
    return picture


def exif(orientation, *, kind=3, others=()):
    """EXIF data with an orientation among other tags, as TIFF in the order of Intel."""
    entries = [*others, (0x0112, kind, 1, struct.pack("<I", orientation))]
    packed = b"".join(struct.pack("<HHI", *each[:3]) + each[3] for each in sorted(entries))
    return b"Exif\0\0II*\0\x08\0\0\0" + struct.pack("<H", len(entries)) + packed + bytes(4)


def chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def with_chunk(png, kind, body):
    """Put a chunk between a PNG's header and its pixels."""
    return png[:33] + chunk(kind, body) + png[33:]


def endless(megabytes):
    """Compressed zeros whose end never comes."""
    packer = zlib.compressobj()
    start = packer.compress(bytes(2**20)) + packer.flush(zlib.Z_FULL_FLUSH)
    more = packer.compress(bytes(2**20)) + packer.flush(zlib.Z_FULL_FLUSH)
    return start + more * megabytes


# EXIF -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "others"),
    [
        ("a rational of nothing", [(0x011A, 5, 1, struct.pack("<I", 0xFFFFFFF0))]),
        ("a negative count", [(0x010F, 2, 0xFFFFFFFF, struct.pack("<I", 26))]),
        ("an unknown type", [(0x0100, 99, 1, bytes(4))]),
        ("itself as its own directory", [(0x8769, 4, 1, struct.pack("<I", 8))]),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_no_other_tag_of_exif_decides(name, others):
    picture = clean(encoded(two_colors(), "JPEG", exif=exif(6, others=others), quality=95))

    assert picture.size == (32, 64)
    assert picture.getpixel((16, 8)) == pytest.approx(LEFT, abs=6)
    assert picture.getpixel((16, 56)) == pytest.approx(RIGHT, abs=6)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("format", ["PNG", "WEBP"])
def test_every_orientation_is_what_pillow_makes_of_it(format, orientation):
    content = encoded(noise(), format, exif=exif(orientation)[6:], lossless=True)
    with PIL.Image.open(io.BytesIO(content)) as picture:
        expected = PIL.ImageOps.exif_transpose(picture)

        assert clean(content).tobytes() == expected.tobytes()


@pytest.mark.parametrize("orientation", [0, 9, 65_535])
def test_an_orientation_that_means_nothing_turns_nothing(orientation):
    assert clean(encoded(noise(), "JPEG", exif=exif(orientation))).size == (40, 30)


def test_a_long_number_is_an_orientation_too():
    assert clean(encoded(noise(), "JPEG", exif=exif(6, kind=4))).size == (30, 40)


@pytest.mark.parametrize("data", [b"Exif\0\0", b"Exif\0\0II*\0", b"Exif\0\0MM\0*\xff\xff\xff\xff"])
def test_broken_exif_is_none(data):
    assert clean(encoded(noise(), "JPEG", exif=data)).size == (40, 30)


# Texts ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("is_international", [False, True])
def test_a_long_compressed_text_decides_nothing(is_international):
    info = PngInfo()
    add = info.add_itxt if is_international else info.add_text
    add("parameters", "x" * 2 * 2**20, zip=True)
    info.add_text("Software", "a program")
    content = encoded(two_colors(), "PNG", pnginfo=info)

    assert clean(content).getpixel((8, 8)) == LEFT
    assert parts.of(content).texts == {"Software": "a program"}


@pytest.mark.parametrize(
    ("kind", "start"),
    [(b"zTXt", b"parameters\0\0"), (b"iTXt", b"parameters\0\1\0\0\0"), (b"iCCP", b"name\0\0")],
)
def test_a_gigabyte_of_text_takes_no_memory(kind, start):
    bomb = start + endless(1_024)
    content = with_chunk(encoded(two_colors(), "PNG"), kind, bomb)
    assert len(bomb) < 2 * 2**20

    tracemalloc.start()
    texts = parts.of(content).texts
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert texts == {}
    assert peak < 32 * 2**20
    assert clean(content).getpixel((8, 8)) == LEFT


def test_many_long_texts_take_no_time():
    bomb = chunk(b"zTXt", b"a\0\0" + endless(1))
    png = encoded(two_colors(), "PNG")
    found = parts.of(png[:33] + bomb * 3_000 + chunk(b"tEXt", b"last\0read") + png[33:])

    assert found.texts == {}


def test_more_chunks_than_any_program_writes_are_refused():
    png = encoded(two_colors(), "PNG")

    with pytest.raises(Refused, match="damaged"):
        opened(png[:33] + chunk(b"mine", b"") * 100_001 + png[33:])


# The end ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"restart_marker_blocks": 2}])
@pytest.mark.parametrize("missing", [1, 2])
def test_a_jpeg_without_its_end_marker_has_every_pixel(options, missing):
    whole = encoded(noise(), "JPEG", **options)

    assert clean(whole[:-missing]).tobytes() == clean(whole).tobytes()


@pytest.mark.parametrize("options", [{}, {"progressive": True}])
@pytest.mark.parametrize("missing", [4, 5, 20, 300])
def test_a_jpeg_that_lacks_pixels_is_refused(options, missing):
    with pytest.raises(Refused, match="damaged"):
        sanitized(encoded(noise(), "JPEG", **options)[:-missing])


def test_bytes_after_the_end_are_not_looked_at():
    for format in ("PNG", "JPEG", "WEBP"):
        content = encoded(two_colors(), format)

        assert clean(content + b"\0" * 99 + b"\xff\xd9").tobytes() == clean(content).tobytes()


@pytest.mark.parametrize("missing", [4, 12, 16])
def test_a_png_without_its_last_chunk_has_every_pixel(missing):
    whole = encoded(noise(), "PNG")

    assert clean(whole[:-missing]).tobytes() == clean(whole).tobytes()


def test_a_webp_whose_exif_breaks_off_has_every_pixel():
    whole = encoded(noise(), "WEBP", lossless=True, exif=b"MM\0*" + bytes(99))

    assert clean(whole[:-50]).tobytes() == clean(whole).tobytes()


def test_the_first_of_two_pictures_is_taken():
    content = encoded(
        two_colors(), "MPO", save_all=True, append_images=[plain((9, 9, 9), size=(64, 32))]
    )

    image = opened(content)

    assert image.parts.format == "JPEG"
    assert image.upright().getpixel((8, 8)) == pytest.approx(LEFT, abs=6)


# Colors -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mode", "format", "options"),
    [
        ("RGB", "PNG", {}),
        ("RGBA", "PNG", {}),
        ("P", "PNG", {}),
        ("RGB", "JPEG", {"quality": 100, "subsampling": 0}),
        ("RGBA", "WEBP", {"lossless": True}),
        ("RGB", "AVIF", {"quality": 100, "subsampling": "4:4:4"}),
    ],
)
def test_a_profile_is_brought_to_srgb(mode, format, options):
    picture = plain(GREEN).quantize(4) if mode == "P" else plain(GREEN).convert(mode)

    content = encoded(picture, format, icc_profile=profiles.display_p3(), **options)

    assert color(content)[:3] == pytest.approx((0, 204, 58), abs=4)


@pytest.mark.parametrize(
    ("chunks", "expected"),
    [
        ({b"cICP": bytes((12, 13, 0, 1))}, (0, 204, 58)),
        ({b"cICP": bytes((1, 13, 0, 1))}, GREEN),
        ({b"gAMA": struct.pack(">I", 100_000)}, (0, 229, 152)),
        ({b"gAMA": struct.pack(">I", 45_455)}, GREEN),
        ({b"gAMA": struct.pack(">I", 100_000), b"sRGB": b"\0"}, GREEN),
        (
            {b"cHRM": struct.pack(">8I", 31270, 32900, 68000, 32000, 26500, 69000, 15000, 6000)},
            (0, 204, 58),
        ),
        (
            {b"cHRM": struct.pack(">8I", 31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000)},
            GREEN,
        ),
        ({b"cHRM": bytes(32), b"gAMA": bytes(4)}, GREEN),
        ({b"cHRM": bytes(32), b"gAMA": struct.pack(">I", 100_000)}, GREEN),
        ({b"cHRM": b"\xff" * 32}, GREEN),
        ({b"cICP": b"short", b"gAMA": b"short", b"cHRM": b"short"}, GREEN),
    ],
)
def test_colors_that_a_png_states_without_a_profile_count(chunks, expected):
    content = encoded(plain(GREEN), "PNG")
    for kind, body in chunks.items():
        content = with_chunk(content, kind, body)

    assert color(content) == pytest.approx(expected, abs=2)


def test_transparency_is_kept_beside_a_profile():
    picture = plain((*GREEN, 90), "RGBA")

    found = color(encoded(picture, "PNG", icc_profile=profiles.display_p3()))

    assert found[3] == 90
    assert found[:3] == pytest.approx((0, 204, 58), abs=2)


def test_gray_has_profiles_of_its_own():
    content = encoded(plain(128, "L"), "PNG", icc_profile=profiles.gray(1.0))

    assert color(content) == pytest.approx((188, 188, 188), abs=2)


def test_printing_colors_are_what_the_press_makes_of_them():
    profile = profiles.cmyk(cyan=(60, 20, -20))

    assert color(encoded(plain((255, 0, 0, 0), "CMYK"), "JPEG", icc_profile=profile)) == (
        pytest.approx((167, 133, 180), abs=4)
    )
    assert color(encoded(plain((0, 0, 0, 0), "CMYK"), "JPEG", icc_profile=profile)) == (
        pytest.approx((255, 255, 255), abs=2)
    )


@pytest.mark.parametrize(
    "profile",
    [
        b"broken",
        bytes(200),
        profiles.display_p3()[:300],
        profiles.gray(2.2),
        profiles.cmyk((0, 0, 0)),
    ],
    ids=["broken", "zeros", "cut", "gray", "cmyk"],
)
def test_a_profile_that_cannot_be_used_is_none(profile):
    assert color(encoded(plain(GREEN), "PNG", icc_profile=profile)) == GREEN


def test_srgb_stays_as_it_is():
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    # A profile that goes on for two megabytes, of zeros.
    content = encoded(noise(), "PNG", icc_profile=profile + bytes(2 * 2**20))

    assert np.array_equal(np.asarray(clean(content)), np.asarray(noise()))


# Formats and sizes ------------------------------------------------------------------------------


def test_heic_is_taken_upright():
    picture = clean(heic.TURNED)

    assert picture.size == (32, 64)
    assert picture.getpixel((16, 8)) == pytest.approx(LEFT, abs=6)
    assert picture.getpixel((16, 56)) == pytest.approx(RIGHT, abs=6)


def test_heic_that_breaks_off_is_refused():
    for length in (30, 300, len(heic.TURNED) - 40):
        with pytest.raises(Refused, match="damaged"):
            sanitized(heic.TURNED[:length])


@pytest.mark.parametrize("limit", ["MAX_PIXELS", "MAX_SIDE"])
def test_heic_is_as_bounded_as_all_others(monkeypatch, limit):
    monkeypatch.setattr(decoding, limit, 63)

    with pytest.raises(Refused, match=r"size|side"):
        opened(heic.TURNED)


def test_a_picture_that_is_larger_than_its_header_says_is_refused(monkeypatch):
    image = opened(heic.TURNED)
    monkeypatch.setattr(decoding, "MAX_PIXELS", 63)

    with pytest.raises(Refused, match="size"):
        image.pixels()


def test_avif_is_turned_as_its_boxes_say_and_odd_exif_does_not_count():
    content = encoded(two_colors(), "AVIF", exif=exif(6)[6:], quality=95)
    broken = content.replace(b"II*\0", b"II*\xff")

    for each in (content, broken):
        picture = clean(each)
        assert picture.size == (32, 64)
        assert picture.getpixel((16, 8)) == pytest.approx(LEFT, abs=8)


@pytest.mark.parametrize("brand", [b"isom", b"qt  ", b"crx "])
def test_films_and_raw_pictures_are_of_no_format(brand):
    with pytest.raises(Refused, match="format"):
        opened(b"\0\0\0\x18ftyp" + brand + bytes(99))


def test_a_photo_of_24_megapixels_is_made_smaller_while_it_is_decoded():
    photo = plain(110, "L", size=(5_712, 4_284))

    picture = clean(encoded(photo, "JPEG", exif=exif(6)))

    assert picture.size == (2_142, 2_856)
    assert picture.getpixel((10, 10)) == pytest.approx((110, 110, 110), abs=6)


def test_a_large_photo_that_lacks_pixels_is_refused():
    whole = encoded(plain(110, "L", size=(4_900, 3_500)), "JPEG")

    assert clean(whole[:-2]).size == (2_450, 1_750)
    with pytest.raises(Refused, match="damaged"):
        sanitized(whole[:-9])


@pytest.mark.parametrize(
    ("size", "reason"),
    [((8_192, 6_401), "size"), ((16_385, 8), "side"), ((60_000, 60_000), "size")],
)
def test_a_jpeg_has_limits_too(size, reason):
    content = encoded(noise(), "JPEG")
    place = content.index(b"\xff\xc0") + 5
    claims = content[:place] + struct.pack(">HH", size[1], size[0]) + content[place + 4 :]

    with pytest.raises(Refused, match=reason):
        opened(claims)
