"""Example prompts of the bundled checkpoint, and its scores. Loads no torch."""

import json
from collections.abc import Mapping
from pathlib import Path

from generation.engine.checkpoints import catalogue
from generation.engine.checkpoints.builtin import SKETCHBOOK

SCORES = catalogue.folder(SKETCHBOOK, None) / "scores.json"

_SHARE_OF_CEILING = 0.8

EXAMPLES: Mapping[str, tuple[str, ...]] = {
    "en": (
        "a red house in the snow at night under the stars",
        "a white boat by the sea at sunset",
        "a yellow balloon over a green field with a rainbow",
        "two blue cars in the city at night under the moon",
        "three green trees in the desert at sunset",
        "a purple cat on the beach with mountains behind",
        "a blue house on the left and a red car on the right in a field",
        "a green tree in front of mountains, cloudy",
    ),
    "zh": (
        "夜晚，星空下，在雪地里，一座红色的房子",
        "日落时分，在海边，一艘白色的船",
        "在草地上，一个黄色的热气球，天上有彩虹",
        "夜晚，在城市里，两辆蓝色的汽车，天上有月亮",
        "日落时分，在沙漠里，三棵绿色的树",
        "在沙滩上，一只紫色的猫，背后有山",
        "在田野里，左边有一座蓝色的房子，右边有一辆红色的汽车",
        "一棵绿色的树，背后有山，天上有云",
    ),
}
"""By language code, in the same order."""


def follows_prompts(scores: Path = SCORES) -> bool:
    """Return True if the judge finds the requested objects in enough pictures, in every language.

    Enough is a share of the judge's score for drawings of the same scenes. False if the checkpoint was never
    evaluated; the site then calls it a demonstration that follows time, place and light.
    """
    if not scores.exists():
        return False
    report = json.loads(scores.read_text())
    reached = min(found["kind"] for found in report["scores"].values())
    return bool(reached >= _SHARE_OF_CEILING * report["ceiling"]["kind"])
