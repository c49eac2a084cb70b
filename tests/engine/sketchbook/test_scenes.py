from dataclasses import replace
from random import Random

import numpy as np

from generation.engine.sketchbook import captions, drawing, labels, scenes
from generation.engine.sketchbook.captions import Language
from generation.engine.sketchbook.scenes import Color, Group, Kind, Light, Place, Scene, Side, Time

RED_HOUSE = Scene(
    time=Time.NIGHT,
    light=Light.MOON,
    place=Place.SNOW,
    mountains=False,
    groups=(Group(kind=Kind.HOUSE, color=Color.RED, count=1, side=Side.LEFT),),
    jitter=1,
)


def test_a_numbered_scene_is_the_same_every_time():
    first = [scenes.numbered(number, seed="a") for number in range(20)]

    again = [scenes.numbered(number, seed="a") for number in reversed(range(20))]

    assert first == again[::-1]
    assert first != [scenes.numbered(number, seed="b") for number in range(20)]


def test_a_scene_has_one_to_three_objects_of_a_kind_and_never_one_kind_twice():
    sampled = [scenes.numbered(number, seed="a") for number in range(300)]

    for scene in sampled:
        kinds = [group.kind for group in scene.groups]
        assert len(set(kinds)) == len(kinds) <= 2
        assert all(1 <= group.count <= 3 for group in scene.groups)


def test_drawing_a_scene_twice_gives_the_same_pixels():
    first = np.asarray(drawing.draw(RED_HOUSE))

    second = np.asarray(drawing.draw(RED_HOUSE))

    assert first.shape == (drawing.SIZE, drawing.SIZE, 3)
    assert np.array_equal(first, second)


def test_the_color_of_an_object_shows_on_its_side_of_the_drawing():
    blue = replace(RED_HOUSE, groups=(replace(RED_HOUSE.groups[0], color=Color.BLUE),))

    difference = np.asarray(drawing.draw(RED_HOUSE)).astype(int) - np.asarray(
        drawing.draw(blue)
    ).astype(int)

    left, right = np.split(np.abs(difference), 2, axis=1)
    assert left.sum() > 0
    assert right.sum() == 0


def test_every_scene_can_be_drawn_and_captioned_in_both_languages():
    rng = Random(1)

    for number in range(150):
        scene = scenes.numbered(number, seed="a")
        drawing.draw(scene)
        for language in Language:
            assert captions.caption(scene, rng, language=language)
            assert captions.caption(scene, rng, language=language, held_out=True)


def test_captions_are_the_same_for_the_same_random_numbers():
    said = [captions.any_caption(RED_HOUSE, Random(number)) for number in range(30)]

    assert said == [captions.any_caption(RED_HOUSE, Random(number)) for number in range(30)]
    assert len(set(said)) > 20


def test_a_caption_tells_what_does_not_go_without_saying():
    blue = replace(RED_HOUSE, groups=(replace(RED_HOUSE.groups[0], color=Color.BLUE),))

    said = [
        captions.caption(blue, Random(number), language=Language.CHINESE) for number in range(50)
    ]

    assert all("蓝" in sentence and "左" in sentence and "月" in sentence for sentence in said)


def test_no_training_caption_uses_a_held_out_frame():
    openings = ("please draw", "show me", "I would like", "请画", "我想看")

    said = [captions.any_caption(RED_HOUSE, Random(number)) for number in range(500)]

    assert not any(sentence.startswith(openings) for sentence in said)


def test_the_answers_about_a_scene_name_its_objects_and_skip_the_absent():
    found = dict(zip(labels.QUESTIONS, labels.answers(RED_HOUSE), strict=True))

    assert found["count:house"] == 1
    assert found["colour:house"] == list(Color).index(Color.RED)
    assert found["side:house"] == list(Side).index(Side.LEFT)
    assert found["count:cat"] == 0
    assert found["colour:cat"] == labels.ABSENT
