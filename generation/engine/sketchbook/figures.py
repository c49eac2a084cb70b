"""The six kinds of object, each drawn into a square box with flat shapes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from PIL.ImageDraw import ImageDraw

from generation.engine.sketchbook.scenes import Color, Kind

Rgb = tuple[int, int, int]

COLORS: Mapping[Color, Rgb] = {
    Color.RED: (214, 48, 44),
    Color.YELLOW: (246, 200, 36),
    Color.GREEN: (40, 160, 70),
    Color.BLUE: (40, 98, 220),
    Color.PURPLE: (150, 62, 190),
    Color.WHITE: (246, 246, 242),
}
DARK: Rgb = (52, 44, 48)
GLASS: Rgb = (255, 236, 170)
WOOD: Rgb = (122, 80, 50)


def mix(first: Rgb, second: Rgb, share: float) -> Rgb:
    """Return the first color with this share (0 to 1) of the second."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(first, second, strict=True))
    return red, green, blue


@dataclass(frozen=True)
class Box:
    """A square on the canvas, with coordinates of its own: x from -0.5 to 0.5, y from 0 at the base to 1 at the top.

    `center`, `base` and `side` are in pixels of the canvas.
    """

    draw: ImageDraw
    center: float
    base: float
    side: float
    tint: Rgb
    tint_share: float

    def points(self, *points: tuple[float, float]) -> list[tuple[float, float]]:
        """Return points of the box as pixels of the canvas."""
        return [(self.center + x * self.side, self.base - y * self.side) for x, y in points]

    def polygon(self, color: Rgb, *points: tuple[float, float]) -> None:
        """Fill the polygon with these corners."""
        self.draw.polygon(self.points(*points), fill=self.lit(color))

    def rectangle(self, color: Rgb, left: float, bottom: float, right: float, top: float) -> None:
        """Fill a rectangle."""
        self.draw.rectangle(self.points((left, top), (right, bottom)), fill=self.lit(color))

    def ellipse(self, color: Rgb, left: float, bottom: float, right: float, top: float) -> None:
        """Fill the ellipse within a rectangle."""
        self.draw.ellipse(self.points((left, top), (right, bottom)), fill=self.lit(color))

    def lit(self, color: Rgb) -> Rgb:
        """Return the color in the scene's light."""
        return mix(color, self.tint, self.tint_share)


def house(box: Box, color: Rgb) -> None:
    """Walls in the color, a darker gable roof, a door and two windows."""
    box.rectangle(mix(color, DARK, 0.45), 0.2, 0.7, 0.32, 0.98)
    box.rectangle(color, -0.4, 0.0, 0.4, 0.58)
    box.polygon(mix(color, DARK, 0.45), (-0.5, 0.56), (0.0, 1.0), (0.5, 0.56))
    box.rectangle(DARK, -0.1, 0.0, 0.1, 0.34)
    box.rectangle(GLASS, -0.32, 0.24, -0.17, 0.42)
    box.rectangle(GLASS, 0.17, 0.24, 0.32, 0.42)


def tree(box: Box, color: Rgb) -> None:
    """A trunk under a round crown."""
    box.rectangle(WOOD, -0.08, 0.0, 0.08, 0.45)
    shade = mix(color, DARK, 0.18)
    box.ellipse(shade, -0.42, 0.3, 0.08, 0.76)
    box.ellipse(shade, -0.08, 0.3, 0.42, 0.76)
    box.ellipse(color, -0.32, 0.42, 0.32, 1.0)


def boat(box: Box, color: Rgb) -> None:
    """A hull in the color, and a paler sail on a mast."""
    box.rectangle(WOOD, -0.03, 0.2, 0.03, 1.0)
    box.polygon(mix(color, COLORS[Color.WHITE], 0.45), (0.05, 0.34), (0.05, 0.98), (0.42, 0.34))
    box.polygon(mix(color, COLORS[Color.WHITE], 0.25), (-0.05, 0.34), (-0.05, 0.86), (-0.36, 0.34))
    box.polygon(color, (-0.5, 0.28), (0.5, 0.28), (0.34, 0.0), (-0.34, 0.0))


def car(box: Box, color: Rgb) -> None:
    """A body with a cabin, two windows and two wheels."""
    box.polygon(color, (-0.32, 0.34), (-0.2, 0.64), (0.18, 0.64), (0.32, 0.34))
    box.polygon(GLASS, (-0.24, 0.38), (-0.16, 0.58), (-0.02, 0.58), (-0.02, 0.38))
    box.polygon(GLASS, (0.03, 0.38), (0.03, 0.58), (0.15, 0.58), (0.23, 0.38))
    box.draw.rounded_rectangle(
        box.points((-0.5, 0.4), (0.5, 0.12)), radius=0.08 * box.side, fill=box.lit(color)
    )
    for x in (-0.28, 0.28):
        box.ellipse(DARK, x - 0.13, 0.0, x + 0.13, 0.26)
        box.ellipse((190, 190, 190), x - 0.05, 0.08, x + 0.05, 0.18)


def balloon(box: Box, color: Rgb) -> None:
    """A hot-air balloon: a striped envelope over a basket."""
    box.polygon(mix(color, DARK, 0.25), (-0.3, 0.5), (0.3, 0.5), (0.1, 0.2), (-0.1, 0.2))
    box.ellipse(color, -0.4, 0.28, 0.4, 1.0)
    box.ellipse(mix(color, COLORS[Color.WHITE], 0.4), -0.14, 0.28, 0.14, 1.0)
    box.rectangle(WOOD, -0.11, 0.0, 0.11, 0.16)
    box.polygon(DARK, (-0.1, 0.14), (-0.1, 0.22), (-0.07, 0.22), (-0.07, 0.14))
    box.polygon(DARK, (0.1, 0.14), (0.1, 0.22), (0.07, 0.22), (0.07, 0.14))


def cat(box: Box, color: Rgb) -> None:
    """A sitting cat, seen from the front, its tail to the right."""
    shade = mix(color, DARK, 0.22)
    box.ellipse(shade, 0.1, 0.0, 0.5, 0.3)
    box.ellipse(color, -0.3, 0.0, 0.3, 0.62)
    box.polygon(color, (-0.3, 0.7), (-0.28, 1.0), (-0.06, 0.86))
    box.polygon(color, (0.3, 0.7), (0.28, 1.0), (0.06, 0.86))
    box.ellipse(color, -0.32, 0.44, 0.32, 0.94)
    for x in (-0.14, 0.14):
        box.ellipse(DARK, x - 0.055, 0.64, x + 0.055, 0.78)
    box.polygon((232, 120, 130), (-0.05, 0.62), (0.05, 0.62), (0.0, 0.55))


FIGURES: Mapping[Kind, Callable[[Box, Rgb], None]] = {
    Kind.HOUSE: house,
    Kind.TREE: tree,
    Kind.BOAT: boat,
    Kind.CAR: car,
    Kind.BALLOON: balloon,
    Kind.CAT: cat,
}
