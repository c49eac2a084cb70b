"""Drawing of a scene: sky, light, land, then its objects.

A scene is drawn at twice the final size and halved, which smooths the edges. Positions are shares of the canvas, y
downward.
"""

from collections.abc import Mapping
from random import Random

from PIL import Image, ImageDraw, ImageOps

from generation.engine.sketchbook.figures import COLORS, FIGURES, Box, Rgb, mix
from generation.engine.sketchbook.scenes import Group, Kind, Light, Place, Scene, Side, Time

SIZE = 256
"""Pixels a side of a finished drawing."""

_CANVAS = 2 * SIZE
_HORIZON = 0.62
_BASE = 0.92
_SKY_BASE = 0.54

_SKIES: Mapping[Time, tuple[Rgb, Rgb]] = {
    Time.DAY: ((88, 170, 240), (206, 234, 250)),
    Time.SUNSET: ((112, 76, 150), (255, 168, 92)),
    Time.NIGHT: ((12, 18, 56), (48, 62, 118)),
}
_TINTS: Mapping[Time, tuple[Rgb, float]] = {
    Time.DAY: ((255, 255, 255), 0.0),
    Time.SUNSET: ((226, 110, 70), 0.16),
    Time.NIGHT: ((16, 22, 66), 0.36),
}
_GROUNDS: Mapping[Place, tuple[Rgb, Rgb]] = {
    Place.SEA: ((40, 128, 190), (84, 178, 214)),
    Place.FIELD: ((134, 196, 84), (92, 160, 60)),
    Place.DESERT: ((240, 206, 136), (218, 170, 98)),
    Place.SNOW: ((226, 236, 246), (186, 206, 230)),
    Place.CITY: ((124, 126, 134), (92, 94, 102)),
}
_SAND: Rgb = (240, 216, 160)
_STARS = (
    (0.06, 0.10), (0.17, 0.24), (0.23, 0.07), (0.33, 0.17), (0.41, 0.05), (0.49, 0.22), (0.57, 0.09), (0.66, 0.19),
    (0.74, 0.06), (0.82, 0.25), (0.90, 0.12), (0.97, 0.30), (0.10, 0.38), (0.28, 0.34), (0.60, 0.36), (0.88, 0.42),
)  # fmt: skip
_SIDES: Mapping[int, Mapping[Side, tuple[float, ...]]] = {
    1: {Side.LEFT: (0.26,), Side.CENTER: (0.5,), Side.RIGHT: (0.74,)},
    2: {Side.ACROSS: (0.27, 0.73)},
    3: {Side.ACROSS: (0.18, 0.5, 0.82)},
}
_BOXES = {1: 0.42, 2: 0.36, 3: 0.28}
"""Side of an object's box, by the number of objects, as a share of the canvas."""


def draw(scene: Scene) -> Image.Image:
    """Return the scene as an RGB image of SIZE by SIZE pixels."""
    rng = Random(scene.jitter)
    tint, share = _TINTS[scene.time]
    canvas = _gradient(*_SKIES[scene.time], (_CANVAS, _CANVAS))
    pen = ImageDraw.Draw(canvas)
    _draw_light(canvas, scene, rng)
    if scene.mountains:
        _draw_mountains(
            pen, mix((122, 128, 160), tint, share), mix((244, 246, 250), tint, share), rng
        )
    if scene.place is Place.CITY:
        _draw_skyline(pen, scene.time, mix((116, 124, 150), tint, share * 1.4))
    _draw_ground(canvas, scene.place, tint, share)
    for group in scene.groups:
        _draw_group(pen, group, scene, rng)
    return canvas.reduce(2)


def _gradient(top: Rgb, bottom: Rgb, size: tuple[int, int]) -> Image.Image:
    ramp = Image.linear_gradient("L").resize(size)
    return ImageOps.colorize(ramp, top, bottom)


def _circle(pen: ImageDraw.ImageDraw, x: float, y: float, radius: float, color: Rgb) -> None:
    box = [
        (x - radius) * _CANVAS,
        (y - radius) * _CANVAS,
        (x + radius) * _CANVAS,
        (y + radius) * _CANVAS,
    ]
    pen.ellipse(box, fill=color)


def _light_side(scene: Scene) -> float:
    """Return the x of the sun or moon: away from the first object, so that neither hides the other."""
    on_right = scene.groups and scene.groups[0].side is Side.RIGHT
    return 0.2 if on_right else 0.8


def _draw_light(canvas: Image.Image, scene: Scene, rng: Random) -> None:
    pen = ImageDraw.Draw(canvas)
    x, y = _light_side(scene) + rng.uniform(-0.03, 0.03), 0.18 + rng.uniform(-0.02, 0.02)
    if scene.light is Light.SUN and scene.time is Time.SUNSET:
        _circle(pen, x, 0.46, 0.15, (255, 190, 104))
        _circle(pen, x, 0.46, 0.11, (255, 226, 140))
    elif scene.light is Light.SUN:
        _circle(pen, x, y, 0.13, (250, 232, 150))
        _circle(pen, x, y, 0.1, (255, 216, 60))
    elif scene.light is Light.CLOUDS:
        _draw_clouds(pen, scene.time, rng)
    elif scene.light is Light.RAINBOW:
        _draw_rainbow(pen)
    elif scene.light is Light.MOON:
        _circle(pen, x, y, 0.14, (62, 72, 122))
        _circle(pen, x, y, 0.1, (250, 244, 206))
    else:
        _draw_stars(pen, rng)


def _draw_clouds(pen: ImageDraw.ImageDraw, time: Time, rng: Random) -> None:
    color = (250, 252, 255) if time is Time.DAY else (250, 190, 160)
    for left, top in ((0.2, 0.2), (0.78, 0.14), (0.56, 0.34)):
        x, y = left + rng.uniform(-0.04, 0.04), top + rng.uniform(-0.03, 0.03)
        for dx, dy, radius in ((-0.09, 0.015, 0.05), (0.0, 0.0, 0.07), (0.09, 0.015, 0.05)):
            _circle(pen, x + dx, y + dy, radius, color)
        pen.rectangle(
            [
                (x - 0.09) * _CANVAS,
                (y + 0.02) * _CANVAS,
                (x + 0.09) * _CANVAS,
                (y + 0.065) * _CANVAS,
            ],
            fill=color,
        )


def _draw_rainbow(pen: ImageDraw.ImageDraw) -> None:
    bands = (
        (232, 84, 84),
        (246, 160, 70),
        (248, 224, 90),
        (110, 196, 110),
        (84, 140, 226),
        (160, 100, 200),
    )
    for number, color in enumerate(bands):
        radius = 0.5 - 0.026 * number
        box = [
            (0.5 - radius) * _CANVAS,
            (0.6 - radius) * _CANVAS,
            (0.5 + radius) * _CANVAS,
            (0.6 + radius) * _CANVAS,
        ]
        pen.arc(box, 180, 360, fill=color, width=round(0.028 * _CANVAS))


def _draw_stars(pen: ImageDraw.ImageDraw, rng: Random) -> None:
    shift = rng.uniform(-0.02, 0.02)
    for number, (x, y) in enumerate(_STARS):
        _circle(pen, x + shift, y + shift, 0.008 + 0.004 * (number % 3), (255, 250, 214))


def _draw_mountains(pen: ImageDraw.ImageDraw, rock: Rgb, snow: Rgb, rng: Random) -> None:
    for x, top, half in ((0.82, 0.36, 0.34), (0.2, 0.3, 0.36), (0.52, 0.4, 0.3)):
        peak = top + rng.uniform(-0.02, 0.02)
        slope = half / (_HORIZON + 0.02 - peak)
        corners = ((x, peak), (x - half, _HORIZON + 0.02), (x + half, _HORIZON + 0.02))
        cap = ((x, peak), (x - 0.07 * slope, peak + 0.07), (x + 0.07 * slope, peak + 0.07))
        pen.polygon([(a * _CANVAS, b * _CANVAS) for a, b in corners], fill=rock)
        pen.polygon([(a * _CANVAS, b * _CANVAS) for a, b in cap], fill=snow)
        rock = mix(rock, (70, 80, 110), 0.2)


def _draw_skyline(pen: ImageDraw.ImageDraw, time: Time, color: Rgb) -> None:
    tops = (0.34, 0.46, 0.28, 0.4, 0.5, 0.32, 0.44, 0.3)
    window = (255, 226, 130) if time is Time.NIGHT else mix(color, (255, 255, 255), 0.45)
    for number, top in enumerate(tops):
        left, right = number / len(tops), (number + 1) / len(tops)
        wall = mix(color, (60, 66, 90), 0.25 * (number % 2))
        pen.rectangle([left * _CANVAS, top * _CANVAS, right * _CANVAS, 0.7 * _CANVAS], fill=wall)
        for row in range(2):
            y = top + 0.05 + 0.075 * row
            pen.rectangle(
                [
                    (left + 0.03) * _CANVAS,
                    y * _CANVAS,
                    (right - 0.03) * _CANVAS,
                    (y + 0.04) * _CANVAS,
                ],
                fill=window,
            )


def _draw_ground(canvas: Image.Image, place: Place, tint: Rgb, share: float) -> None:
    far, near = (mix(color, tint, share * 1.3) for color in _GROUNDS[place])
    horizon = round(_HORIZON * _CANVAS)
    canvas.paste(_gradient(far, near, (_CANVAS, _CANVAS - horizon)), (0, horizon))
    pen = ImageDraw.Draw(canvas)
    if place is Place.SEA:
        shore = [(0, 0.87), (0.3, 0.84), (0.7, 0.86), (1, 0.83), (1, 1), (0, 1)]
        pen.polygon([(x * _CANVAS, y * _CANVAS) for x, y in shore], fill=mix(_SAND, tint, share))
    elif place is Place.CITY:
        for left in (0.04, 0.36, 0.68):
            pen.rectangle(
                [left * _CANVAS, 0.94 * _CANVAS, (left + 0.2) * _CANVAS, 0.965 * _CANVAS],
                fill=(232, 226, 200),
            )
    elif place is Place.DESERT:
        pen.ellipse([-0.3 * _CANVAS, 0.56 * _CANVAS, 0.5 * _CANVAS, 0.8 * _CANVAS], fill=far)
        pen.ellipse(
            [0.45 * _CANVAS, 0.58 * _CANVAS, 1.3 * _CANVAS, 0.82 * _CANVAS],
            fill=mix(far, near, 0.3),
        )


def _draw_group(pen: ImageDraw.ImageDraw, group: Group, scene: Scene, rng: Random) -> None:
    tint, share = _TINTS[scene.time]
    side = (0.36 if len(scene.groups) == 2 else _BOXES[group.count]) * rng.uniform(0.96, 1.04)
    for x in _SIDES[group.count][group.side]:
        base = _base(group.kind, scene.place) + rng.uniform(-0.015, 0.015)
        box = Box(
            pen,
            (x + rng.uniform(-0.02, 0.02)) * _CANVAS,
            base * _CANVAS,
            side * _CANVAS,
            tint,
            share * 0.7,
        )
        if group.kind is not Kind.BALLOON:
            ground = mix(_GROUNDS[scene.place][1], tint, share)
            shadow = box.points((-0.46, 0.05), (0.46, -0.05))
            pen.ellipse(shadow, fill=mix(ground, (40, 44, 60), 0.3))
        FIGURES[group.kind](box, COLORS[group.color])


def _base(kind: Kind, place: Place) -> float:
    """Return the y of an object's base line: balloons fly, boats float, everything else stands."""
    if kind is Kind.BALLOON:
        return _SKY_BASE
    if kind is Kind.BOAT and place is Place.SEA:
        return 0.8
    return _BASE
