"""Vocabulary and sentence frames of English captions."""

from collections.abc import Mapping, Sequence

from generation.engine.sketchbook.scenes import Color, Kind, Light, Place, Side, Time

TIMES: Mapping[Time, Sequence[str]] = {
    Time.DAY: (
        "by day",
        "during the day",
        "in daylight",
        "on a bright day",
        "at noon",
        "in the morning",
        "daytime",
    ),
    Time.SUNSET: (
        "at sunset",
        "at dusk",
        "in the evening",
        "during sunset",
        "at dawn",
        "sunset",
        "in evening light",
    ),
    Time.NIGHT: (
        "at night",
        "by night",
        "in the dark",
        "at midnight",
        "during the night",
        "night",
        "late at night",
    ),
}
LIGHTS: Mapping[Light, Sequence[str]] = {
    Light.SUN: (
        "with the sun in the sky",
        "in the sunshine",
        "under the sun",
        "sunny",
        "with a clear sky",
        "in sunlight",
    ),
    Light.CLOUDS: (
        "with clouds",
        "under a cloudy sky",
        "cloudy",
        "with clouds in the sky",
        "under the clouds",
        "with fluffy clouds",
    ),
    Light.RAINBOW: (
        "with a rainbow",
        "under a rainbow",
        "with a rainbow in the sky",
        "and a rainbow",
        "below a rainbow",
        "with a colorful rainbow",
    ),
    Light.MOON: (
        "under the moon",
        "with a full moon",
        "in the moonlight",
        "with the moon in the sky",
        "under a full moon",
        "moonlit",
    ),
    Light.STARS: (
        "under the stars",
        "under a starry sky",
        "with stars in the sky",
        "starry",
        "with many stars",
        "in starlight",
    ),
}
PLACES: Mapping[Place, Sequence[str]] = {
    Place.SEA: (
        "by the sea",
        "at the beach",
        "on the beach",
        "at the seaside",
        "by the ocean",
        "on the coast",
        "near the water",
        "at sea",
    ),
    Place.FIELD: (
        "in a field",
        "in a green field",
        "on a meadow",
        "in the grass",
        "in the countryside",
        "on a green meadow",
        "on grass",
    ),
    Place.DESERT: (
        "in the desert",
        "in a sandy desert",
        "among sand dunes",
        "on the dunes",
        "in a dry desert",
        "in desert sand",
    ),
    Place.SNOW: (
        "in the snow",
        "in a snowy field",
        "on snow",
        "in winter",
        "on a snowy plain",
        "in a winter landscape",
        "on the ice",
    ),
    Place.CITY: (
        "in the city",
        "in a city street",
        "on the street",
        "in town",
        "downtown",
        "on a city road",
        "in front of skyscrapers",
    ),
}
MOUNTAINS = (
    "with mountains behind",
    "in front of mountains",
    "with mountains in the background",
    "near the mountains",
    "and snowy mountains behind",
    "with mountains",
)
KINDS: Mapping[Kind, Sequence[tuple[str, str]]] = {
    Kind.HOUSE: (
        ("house", "houses"),
        ("house", "houses"),
        ("cottage", "cottages"),
        ("home", "homes"),
        ("cabin", "cabins"),
    ),
    Kind.TREE: (("tree", "trees"),),
    Kind.BOAT: (("boat", "boats"), ("boat", "boats"), ("sailboat", "sailboats"), ("ship", "ships")),
    Kind.CAR: (
        ("car", "cars"),
        ("car", "cars"),
        ("automobile", "automobiles"),
        ("vehicle", "vehicles"),
    ),
    Kind.BALLOON: (
        ("balloon", "balloons"),
        ("hot air balloon", "hot air balloons"),
        ("hot-air balloon", "hot-air balloons"),
    ),
    Kind.CAT: (("cat", "cats"), ("cat", "cats"), ("kitten", "kittens"), ("kitty", "kitties")),
}
"""Singular and plural. A word listed twice is chosen twice as often."""
COLORS: Mapping[Color, Sequence[str]] = {
    Color.RED: ("red", "red", "bright red", "scarlet", "crimson"),
    Color.YELLOW: ("yellow", "yellow", "bright yellow", "golden"),
    Color.GREEN: ("green", "green", "bright green", "emerald"),
    Color.BLUE: ("blue", "blue", "bright blue", "azure"),
    Color.PURPLE: ("purple", "purple", "bright purple", "violet"),
    Color.WHITE: ("white", "white", "bright white", "snow-white"),
}
COUNTS: Mapping[int, Sequence[str]] = {
    1: ("a", "a", "one", "a single"),
    2: ("two", "two", "2", "a pair of"),
    3: ("three", "three", "3"),
}
SIDES: Mapping[Side, Sequence[str]] = {
    Side.LEFT: ("on the left", "on the left side", "to the left", "at the left", "left"),
    Side.CENTER: ("in the middle", "in the center", "in the centre", "centered"),
    Side.RIGHT: ("on the right", "on the right side", "to the right", "at the right", "right"),
}
EMPTY = (
    "an empty landscape",
    "a landscape",
    "scenery",
    "a view",
    "nothing but the landscape",
    "a quiet scene",
)
"""Phrases for a scene without objects."""

OPENINGS = (
    "",
    "",
    "",
    "",
    "a picture of ",
    "an illustration of ",
    "a drawing of ",
    "a flat illustration of ",
    "a painting of ",
    "image of ",
)
ENDINGS = (
    "",
    "",
    "",
    "",
    ", 4k",
    ", highly detailed",
    ", beautiful",
    ", masterpiece, best quality",
    ", flat design",
    ", vector art",
    ", cute",
    ".",
)

FRAMES = (
    "{what} {place} {time} {light} {behind}",
    "{what} {place} {time}, {light} {behind}",
    "{what} {place}, {time}, {light}, {behind}",
    "{what}, {place}, {light}, {time}, {behind}",
    "{time}, {what} {place} {behind}, {light}",
    "{time}, {light}, {what} {place} {behind}",
    "{place} {time}, {what} {behind} {light}",
    "{place}, {what} {light} {behind} {time}",
    "{what} {light}, {place} {behind} {time}",
    "{what} {behind} {place} {light} {time}",
)
JOINTS = (" ", " ", ", ")
"""Separators between the parts of a caption."""
HELD_OUT_FRAMES = (
    "please draw {what} {light} {time} {place} {behind}",
    "{behind} {place} there should be {what}, {time}, {light}",
    "{light} {time} {place}: {what} {behind}",
    "show me {what} {time} {behind}, somewhere {place}, {light}",
    "I would like to see {what} {behind} {light}, {time} {place}",
)
HELD_OUT_ENDINGS = ("", "", ", digital art", " please", ", nice colors", "!")
