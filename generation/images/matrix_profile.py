"""ICC profiles of screens, made of primaries and a transfer curve, for files that state those alone."""

import struct
from collections.abc import Sequence

Pair = tuple[float, float]
Row = tuple[float, float, float]
# Chromaticities x and y: white, red, green, blue.
SRGB: tuple[Pair, ...] = ((0.3127, 0.329), (0.64, 0.33), (0.3, 0.6), (0.15, 0.06))
DISPLAY_P3: tuple[Pair, ...] = ((0.3127, 0.329), (0.68, 0.32), (0.265, 0.69), (0.15, 0.06))
BT_2020: tuple[Pair, ...] = ((0.3127, 0.329), (0.708, 0.292), (0.17, 0.797), (0.131, 0.046))
# Of the profile connection space.
_D50 = (0.9642, 1.0, 0.8249)
# Bradford's cone responses, by which one white becomes another.
_CONES: tuple[Row, ...] = (
    (0.8951, 0.2664, -0.1614),
    (-0.7502, 1.7135, 0.0367),
    (0.0389, -0.0685, 1.0296),
)


def profile(chromaticities: Sequence[Pair], gamma: float | None) -> bytes:
    """Return a profile; without a gamma, its curve is sRGB's. Raises ZeroDivisionError for no colors at all."""
    white, *primaries = (_xyz_of(pair) for pair in chromaticities)
    columns = list(zip(*primaries, strict=True))
    amounts = _solved(columns, white)
    cones, target = _times(_CONES, white), _times(_CONES, _D50)
    tags = {b"wtpt": _xyz(_D50)}
    for name, primary, amount in zip((b"r", b"g", b"b"), primaries, amounts, strict=True):
        response = _times(_CONES, primary)
        scaled = [
            amount * part * to / at for part, at, to in zip(response, cones, target, strict=True)
        ]
        tags[name + b"XYZ"] = _xyz(_solved(_CONES, scaled))
        tags[name + b"TRC"] = _curve(gamma)
    return _file(tags)


def _xyz_of(pair: Pair) -> Row:
    x, y = pair
    return x / y, 1.0, (1 - x - y) / y


def _times(matrix: Sequence[Sequence[float]], vector: Sequence[float]) -> list[float]:
    return [sum(one * two for one, two in zip(row, vector, strict=True)) for row in matrix]


def _solved(matrix: Sequence[Sequence[float]], vector: Sequence[float]) -> list[float]:
    """Solve three equations by Cramer's rule."""
    columns = list(zip(*matrix, strict=True))
    whole = _determinant(columns)
    return [
        _determinant([*columns[:place], tuple(vector), *columns[place + 1 :]]) / whole
        for place in range(3)
    ]


def _determinant(columns: Sequence[Sequence[float]]) -> float:
    (a, b, c), (d, e, f), (g, h, i) = columns
    return a * (e * i - f * h) - d * (b * i - c * h) + g * (b * f - c * e)


def _xyz(values: Sequence[float]) -> bytes:
    return b"XYZ " + bytes(4) + b"".join(map(_fixed, values))


def _curve(gamma: float | None) -> bytes:
    """A parametric curve: a power, or sRGB's, which is straight near black."""
    numbers = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045) if gamma is None else (gamma,)
    kind = 3 if gamma is None else 0
    return b"para" + bytes(4) + struct.pack(">HH", kind, 0) + b"".join(map(_fixed, numbers))


def _fixed(value: float) -> bytes:
    return struct.pack(">i", round(value * 65_536))


def _file(tags: dict[bytes, bytes]) -> bytes:
    start = 132 + 12 * len(tags)
    table, data = struct.pack(">I", len(tags)), b""
    for name, body in tags.items():
        table += name + struct.pack(">II", start + len(data), len(body))
        data += body + bytes(-len(body) % 4)
    header = struct.pack(">I4xI", start + len(data), 0x04000000) + b"mntrRGB XYZ "
    header += bytes(12) + b"acsp" + bytes(28) + b"".join(map(_fixed, _D50))
    return header.ljust(128, b"\0") + table + data
