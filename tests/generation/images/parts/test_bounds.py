"""The cost of a small file: texts are read within one budget, and only those that are looked at."""

import io
import struct
import tracemalloc
import zlib
from contextlib import contextmanager

import PIL.Image
import pytest

from generation.images import parts, read_settings
from generation.images.parts import bounds, exif

MANY = 1_000
COMMENT, DESCRIPTION, OWN_DIRECTORY = 0x9286, 0x010E, 0x8769


def png(*chunks):
    """A PNG with chunks between its header and its pixels."""
    buffer = io.BytesIO()
    PIL.Image.new("RGB", (8, 8)).save(buffer, "PNG")
    content = buffer.getvalue()
    return content[:33] + b"".join(chunks) + content[33:]


def chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def compressed(keyword, size=bounds.MAX_TEXT):
    return chunk(b"zTXt", keyword.encode() + b"\0\0" + zlib.compress(b"a" * size))


def data_of(*entries, value):
    """EXIF data whose tags all have the same value, by the value's length."""
    packed = [
        struct.pack("<HHII", tag, 2, size, 10 + 12 * len(entries) + 4) for tag, size in entries
    ]
    start = b"II*\0\x08\0\0\0" + struct.pack("<H", len(entries))
    return start + b"".join(packed) + bytes(4) + value


@contextmanager
def memory():
    tracemalloc.start()
    peak = []
    yield peak
    peak.append(tracemalloc.get_traced_memory()[1])
    tracemalloc.stop()


@pytest.fixture
def inflated(monkeypatch):
    """Note the bytes of every text that is decompressed."""
    sizes = []

    def noted(data, limit):
        found, is_whole = original(data, limit)
        sizes.append(len(found))
        return found, is_whole

    original = parts.png.inflated
    monkeypatch.setattr(parts.png, "inflated", noted)
    return sizes


def test_texts_that_nothing_looks_at_are_not_decompressed(inflated):
    found = parts.of(png(*(compressed(f"text {n}") for n in range(64)), compressed("prompt", 9)))

    assert found.texts == {"prompt": "a" * 9}
    assert inflated == [9]


def test_one_budget_is_for_all_texts(inflated):
    names, size = sorted(bounds.KEYWORDS), bounds.MAX_TEXT // 2

    found = parts.of(png(*(compressed(name, size) for name in names)))

    assert len(found.texts) == bounds.MAX_TEXTS // size < len(names)
    assert sum(inflated) <= bounds.MAX_TEXTS


def test_only_the_first_text_of_a_name_is_decompressed(inflated):
    damaged = chunk(b"zTXt", b"prompt\0\0" + zlib.compress(b"a" * 2**20)[:-9] + bytes(9))

    assert parts.of(png(damaged, *[compressed("prompt", 9)] * MANY)).texts == {}
    assert len(inflated) <= 1


def test_every_text_that_is_looked_at_is_read():
    assert set(read_settings.READ) <= bounds.KEYWORDS


def test_a_value_that_many_tags_share_is_read_once(monkeypatch):
    value = bytes(8) + b"Steps: 9" * 100_000
    data = data_of(*[(COMMENT, len(value))] * MANY, value=value)
    read = []
    original = exif._comment
    monkeypatch.setattr(
        exif, "_comment", lambda value, order: read.append(len(value)) or original(value, order)
    )

    with memory() as peak:
        assert exif.texts(data)["parameters"].startswith("Steps: 9")

    assert read == [len(value)]
    assert peak[0] < 8 * len(value)


def test_a_value_that_is_longer_than_any_text_is_never_copied():
    value = bytes(40 * 2**20)
    data = data_of(*[(tag, len(value)) for tag in (COMMENT, DESCRIPTION, 5, 6)] * 250, value=value)

    with memory() as peak:
        assert exif.texts(data) == {}
        assert exif.orientation(data) == 0

    assert peak[0] < 2**20


def test_a_long_comment_before_the_right_one_does_not_hide_it():
    value = bytes(8) + b"Steps: 9, Size: 8x8" + bytes(bounds.MAX_TEXT)
    data = data_of((COMMENT, len(value)), (COMMENT, 27), value=value)

    assert exif.texts(data) == {"parameters": "Steps: 9, Size: 8x8"}
