"""Scenes: the elements of sketchbook's world, and random choices of them.

Scenes are numbered: the same seed and number give the same scene, drawing and captions on every machine.
"""

from dataclasses import dataclass
from enum import StrEnum
from random import Random


class Time(StrEnum):
    """Time of day."""

    DAY = "day"
    SUNSET = "sunset"
    NIGHT = "night"


class Light(StrEnum):
    """Lights in the sky."""

    SUN = "sun"
    CLOUDS = "clouds"
    RAINBOW = "rainbow"
    MOON = "moon"
    STARS = "stars"


class Place(StrEnum):
    """The ground the scene stands on."""

    SEA = "sea"
    FIELD = "field"
    DESERT = "desert"
    SNOW = "snow"
    CITY = "city"


class Kind(StrEnum):
    """Kinds of object."""

    HOUSE = "house"
    TREE = "tree"
    BOAT = "boat"
    CAR = "car"
    BALLOON = "balloon"
    CAT = "cat"


class Color(StrEnum):
    """The main color of an object."""

    RED = "red"
    YELLOW = "yellow"
    GREEN = "green"
    BLUE = "blue"
    PURPLE = "purple"
    WHITE = "white"


class Side(StrEnum):
    """Position of a group in the image; several objects stand across all of it."""

    LEFT = "left"
    CENTER = "center"
    RIGHT = "right"
    ACROSS = "across"


LIGHTS = {
    Time.DAY: (Light.SUN, Light.CLOUDS, Light.RAINBOW),
    Time.SUNSET: (Light.SUN, Light.CLOUDS),
    Time.NIGHT: (Light.STARS, Light.MOON),
}
"""The possible lights of each time of day, the default one first."""

USUAL_COLORS = {
    Kind.HOUSE: Color.RED,
    Kind.TREE: Color.GREEN,
    Kind.BOAT: Color.WHITE,
    Kind.CAR: Color.BLUE,
    Kind.BALLOON: Color.RED,
    Kind.CAT: Color.YELLOW,
}
"""The color of an object whose caption names none."""


@dataclass(frozen=True, kw_only=True)
class Group:
    """One to three objects of one kind and color."""

    kind: Kind
    color: Color
    count: int
    side: Side


@dataclass(frozen=True, kw_only=True)
class Scene:
    """The content of a caption and a drawing; `jitter` seeds small variations that captions omit."""

    time: Time
    light: Light
    place: Place
    mountains: bool
    groups: tuple[Group, ...]
    jitter: int


def numbered(number: int, *, seed: str) -> Scene:
    """Return the scene with this number, which depends on nothing but the number and the seed."""
    return sample(Random(f"{seed}:{number}"))


def sample(rng: Random) -> Scene:
    """Return a random scene."""
    time = rng.choice(tuple(Time))
    place = rng.choice(tuple(Place))
    return Scene(
        time=time,
        light=rng.choice(LIGHTS[time]),
        place=place,
        mountains=place is not Place.CITY and rng.random() < 0.3,
        groups=_sample_groups(rng),
        jitter=rng.getrandbits(32),
    )


def _sample_groups(rng: Random) -> tuple[Group, ...]:
    draw = rng.random()
    if draw < 0.05:
        return ()
    if draw < 0.25:
        left, right = rng.sample(tuple(Kind), 2)
        return (_sample_single(rng, left, Side.LEFT), _sample_single(rng, right, Side.RIGHT))
    kind = rng.choice(tuple(Kind))
    if draw < 0.70:
        return (_sample_single(rng, kind, rng.choice((Side.LEFT, Side.CENTER, Side.RIGHT))),)
    return (
        Group(
            kind=kind, color=rng.choice(tuple(Color)), count=rng.choice((2, 3)), side=Side.ACROSS
        ),
    )


def _sample_single(rng: Random, kind: Kind, side: Side) -> Group:
    return Group(kind=kind, color=rng.choice(tuple(Color)), count=1, side=side)
