"""Small color profiles, made byte by byte: Display P3, gray with a gamma, and CMYK by a table."""

import struct

# Columns of the matrix from Display P3 to the profile connection space.
DISPLAY_P3 = (
    (0.51512, 0.24120, -0.00105),
    (0.29198, 0.69225, 0.04189),
    (0.15710, 0.06657, 0.78407),
)
WHITE = (0.9642, 1.0, 0.8249)


def display_p3():
    return _profile(
        b"RGB ",
        b"XYZ ",
        {
            **dict(zip((b"rXYZ", b"gXYZ", b"bXYZ"), map(_xyz, DISPLAY_P3), strict=True)),
            **dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), _srgb_curve()),
        },
    )


def gray(gamma):
    return _profile(b"GRAY", b"XYZ ", {b"kTRC": _gamma(gamma)})


def cmyk(cyan):
    """A press whose cyan is a color of one's own, as L, a and b; any other ink is black."""
    corners = []
    for ink in range(16):
        color = {0: (100, 0, 0), 8: cyan}.get(ink, (0, 0, 0))
        corners += [round(color[0] * 2.55), color[1] + 128, color[2] + 128]
    identity = (65536, 0, 0, 0, 65536, 0, 0, 0, 65536)
    header = b"mft1" + bytes(4) + bytes((4, 3, 2, 0)) + struct.pack(">9i", *identity)
    ramp = bytes(range(256))
    return _profile(b"CMYK", b"Lab ", {b"A2B0": header + 4 * ramp + bytes(corners) + 3 * ramp})


def _profile(space, connection, tags):
    tags = {
        b"desc": _description(),
        b"cprt": b"text" + bytes(4) + b"none\0",
        b"wtpt": _xyz(WHITE),
    } | tags
    table, data = struct.pack(">I", len(tags)), b""
    start = 128 + 4 + 12 * len(tags)
    for name, body in tags.items():
        padded = body + bytes(-len(body) % 4)
        table += name + struct.pack(">II", start + len(data), len(body))
        data += padded
    kind = b"prtr" if space == b"CMYK" else b"mntr"
    header = struct.pack(
        ">I4sI4s4s4s",
        132 + 12 * len(tags) + len(data),
        bytes(4),
        0x02400000,
        kind,
        space,
        connection,
    )
    header += struct.pack(">6H", 2026, 1, 1, 0, 0, 0) + b"acsp" + bytes(28)
    header += b"".join(_fixed(value) for value in WHITE)
    return header.ljust(128, b"\0") + table + data


def _description():
    name = b"made for tests\0"
    return b"desc" + bytes(4) + struct.pack(">I", len(name)) + name + bytes(78)


def _fixed(value):
    return struct.pack(">i", round(value * 65536))


def _xyz(values):
    return b"XYZ " + bytes(4) + b"".join(map(_fixed, values))


def _gamma(value):
    return b"curv" + bytes(4) + struct.pack(">IH", 1, round(value * 256))


def _srgb_curve():
    """The curve of sRGB, in 256 steps."""
    levels = [step / 255 for step in range(256)]
    linear = [one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in levels]
    return b"curv" + bytes(4) + struct.pack(">I256H", 256, *(round(one * 65535) for one in linear))
