"""The colors of a PNG: an ICC profile, code points (cICP), or primaries and a gamma. The first of these counts."""

import struct
import zlib
from collections.abc import Mapping

from generation.images import matrix_profile
from generation.images.parts.bounds import MAX_PROFILE
from generation.images.parts.parts import inflated

CHUNKS = (b"cICP", b"iCCP", b"sRGB", b"gAMA", b"cHRM")
# Primaries by their code points. Those of sRGB need no profile.
_PRIMARIES = {9: matrix_profile.BT_2020, 12: matrix_profile.DISPLAY_P3}
_SRGB_CURVE = 13
# The gamma that stands for sRGB's curve, and how far others are from it.
_USUAL_GAMMA, _TOLERANCE = 0.45455, 0.01
_GAMMAS = (0.1, 2.0)


def profile(chunks: Mapping[bytes, bytes]) -> bytes:
    """Return the profile that chunks state, by their names; empty for sRGB, and for what cannot be used."""
    code = chunks.get(b"cICP", b"")
    if len(code) == 4 and code[1] == _SRGB_CURVE:
        found = _PRIMARIES.get(code[0])
        return matrix_profile.profile(found, None) if found else b""
    if b"iCCP" in chunks:
        return _embedded(chunks[b"iCCP"])
    return b"" if b"sRGB" in chunks else _stated(chunks)


def _embedded(body: bytes) -> bytes:
    _name, _, rest = body.partition(b"\0")
    try:
        # Longer than MAX_PROFILE it may still be whole: its own header says how long it is.
        return inflated(rest[1:], MAX_PROFILE)[0]
    except zlib.error:
        return b""


def _stated(chunks: Mapping[bytes, bytes]) -> bytes:
    """Return the profile of gAMA and cHRM, each of which may be missing."""
    gamma, corners = chunks.get(b"gAMA", b""), chunks.get(b"cHRM", b"")
    exponent = struct.unpack(">I", gamma)[0] / 100_000 if len(gamma) == 4 else _USUAL_GAMMA
    pairs = _pairs(corners) if len(corners) == 32 else matrix_profile.SRGB
    is_usual = abs(exponent - _USUAL_GAMMA) < _TOLERANCE
    if not _GAMMAS[0] <= exponent <= _GAMMAS[1] or (is_usual and _is_srgb(pairs)):
        return b""
    try:
        return matrix_profile.profile(pairs, None if is_usual else 1 / exponent)
    except (ZeroDivisionError, struct.error):
        return b""


def _pairs(corners: bytes) -> tuple[tuple[float, float], ...]:
    values = [value / 100_000 for value in struct.unpack(">8I", corners)]
    return tuple(zip(values[::2], values[1::2], strict=True))


def _is_srgb(pairs: tuple[tuple[float, float], ...]) -> bool:
    return all(
        abs(one - two) < _TOLERANCE
        for pair, usual in zip(pairs, matrix_profile.SRGB, strict=True)
        for one, two in zip(pair, usual, strict=True)
    )
