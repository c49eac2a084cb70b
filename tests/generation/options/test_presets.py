"""Presets are complete, drawable by the bundled checkpoint, and name their substitutes."""

import re
from dataclasses import replace

import pytest
from django.utils.translation import override

from generation.engine.checkpoints.catalogue import CHECKPOINTS
from generation.engine.enums import Mode, NoiseScheduler
from generation.engine.sketchbook import chinese, english
from generation.options import mode_names, presets
from generation.options.presets import article
from generation.options.presets.preset import WORDS
from generation.studio.forms import GenerationForm
from tests.engine.cases import digest
from tests.generation.installed import put

# Text to image only; a test adds the other modes that it needs.
WORDS_ALONE = frozenset({Mode.TEXT_TO_IMAGE})
SKETCHBOOK = replace(CHECKPOINTS["sketchbook"], modes=WORDS_ALONE)
LARGE = replace(CHECKPOINTS["sdxl-1.0"], modes=WORDS_ALONE)
PICTURES = {"image": digest("image"), "mask": digest("mask"), "right": 32}
EVERY = pytest.mark.parametrize("preset", presets.PRESETS.values(), ids=presets.PRESETS)


def with_mode(checkpoint, mode):
    return replace(checkpoint, modes=checkpoint.modes | {mode})


def vocabulary(words):
    """The vocabulary of one of the bundled checkpoint's languages."""
    phrases = [*words.EMPTY, *words.MOUNTAINS]
    for table in (
        words.TIMES,
        words.LIGHTS,
        words.PLACES,
        words.COLORS,
        words.COUNTS,
        words.SIDES,
    ):
        phrases += [phrase for said in table.values() for phrase in said]
    phrases += [part for nouns in words.KINDS.values() for pair in nouns for part in pair]
    return phrases


def test_there_are_fifteen():
    assert len(presets.PRESETS) == 15
    assert presets.get("isometric").id == "isometric"


def test_an_unknown_one_is_not_found():
    with pytest.raises(presets.UnknownPreset):
        presets.get("nothing")


@EVERY
def test_each_is_complete(preset):
    assert preset.title and preset.summary and preset.audience
    assert preset.checkpoints[-1] == "sketchbook"
    assert preset.mode in mode_names.NAMES
    assert NoiseScheduler(preset.noise_scheduler)
    assert (preset.strength is None) == (preset.mode == Mode.TEXT_TO_IMAGE)
    for language in ("en", "zh"):
        assert preset.frames[language].count(WORDS) == 1
        assert preset.examples[language]


@EVERY
def test_the_bundled_checkpoint_knows_every_word_of_the_examples(preset):
    known = {word for phrase in vocabulary(english) for word in phrase.lower().split()}
    said = re.findall(r"[a-z-]+", preset.examples["en"])
    characters = {character for phrase in vocabulary(chinese) for character in phrase}

    assert set(said) - known - {"and"} == set()
    assert set(preset.examples["zh"]) - characters - {"，"} == set()


@EVERY
@pytest.mark.parametrize("checkpoint", ["sketchbook", "sd-1.5"])
def test_each_fills_the_form_with_a_request_that_can_be_run(preset, checkpoint, settings, tmp_path):
    settings.CHECKPOINTS_DIR = tmp_path
    put(tmp_path, "sd-1.5")
    fit = presets.fit(preset, among=[CHECKPOINTS[checkpoint]])

    for size in preset.sizes:
        form = GenerationForm({**fit.values("a teapot", size=size), **PICTURES})

        assert form.is_valid(), form.errors
        assert "a teapot" in form.generation_request.prompt
        wanted, got = size.across / size.down, form.cleaned_data
        if checkpoint == "sd-1.5":
            assert got["width"] / got["height"] == pytest.approx(wanted, rel=0.15)


def test_a_frame_speaks_the_language_of_the_words():
    preset = presets.get("isometric")

    assert preset.prompt("a teapot").startswith("isometric view of a teapot, ")
    assert preset.prompt(" 茶壶 ").startswith("等距视角，茶壶，")


def test_words_may_hold_braces():
    assert "{0} {words}" in presets.get("isometric").prompt("{0} {words}")


def test_the_preferred_checkpoint_is_chosen():
    fit = presets.fit(presets.get("concept-art"), among=[SKETCHBOOK, LARGE])

    assert fit.checkpoint == LARGE
    assert fit.values("a teapot")["num_inference_steps"] == 30


def test_one_that_can_do_it_comes_before_one_that_is_preferred():
    able = with_mode(SKETCHBOOK, Mode.INPAINT)

    fit = presets.fit(presets.get("local-edits"), among=[able, LARGE])

    assert (fit.checkpoint, fit.mode) == (able, Mode.INPAINT)


def test_one_that_no_preset_names_is_used_where_nothing_else_can_do_it():
    own = replace(with_mode(LARGE, Mode.INPAINT), id="our-own")

    fit = presets.fit(presets.get("local-edits"), among=[SKETCHBOOK, own])

    assert fit.checkpoint == own


def test_where_nothing_can_do_it_words_alone_must_do_and_that_is_said():
    inpaints_only = replace(LARGE, modes=frozenset({Mode.OUTPAINT}))

    fit = presets.fit(presets.get("local-edits"), among=[inpaints_only, SKETCHBOOK])

    assert (fit.checkpoint, fit.mode) == (SKETCHBOOK, Mode.TEXT_TO_IMAGE)
    assert "Inpainting is not available here: this draws from words alone." in fit.notes


def test_a_stand_in_is_named():
    preset = presets.get("concept-art")

    fit = presets.fit(preset, among=[SKETCHBOOK])

    best = preset.best.name
    assert fit.notes == [f"It works best with {best}. Here it is drawn by Sketchbook."]


def test_what_is_as_it_is_meant_needs_no_note():
    preset = presets.get("concept-art")

    assert presets.fit(preset, among=[preset.best]).notes == []


def test_the_bundled_checkpoint_is_spared_frames_and_numbers_of_others():
    fit = presets.fit(presets.get("concept-art"), among=[SKETCHBOOK])

    values = fit.values("a red house")

    assert values["prompt"] == "a red house"
    assert "num_inference_steps" not in values


@pytest.mark.parametrize("checkpoint", [SKETCHBOOK, LARGE], ids=lambda each: each.id)
def test_a_synthetic_picture_says_so_wherever_its_prompt_goes(checkpoint):
    fit = presets.fit(presets.get("medical-simulation"), among=[checkpoint])

    assert "synthetic" in fit.prompt("a knee")
    assert "合成" in fit.prompt("膝关节")
    assert any("synthetic" in note for note in fit.notes)


def test_without_words_the_example_of_the_pages_language_is_drawn():
    fit = presets.fit(presets.get("teaching"), among=[SKETCHBOOK])

    with override("zh-hans"):
        assert fit.prompt() == "在草地上，一棵绿色的树，天上有彩虹"
    assert fit.prompt() == "a green tree on a green meadow under a rainbow"


@pytest.mark.parametrize(
    ("text", "subject"),
    [
        ("", ""),
        ("rivers in spring", "rivers in spring"),
        ("# Rivers in spring\n\nThe snow melts. The rivers rise.", "Rivers in spring"),
        ("春天的河流。\n雪化了，河水上涨。", "春天的河流"),
        (f"Dr. No says that the snow melts. It{' does' * 40}.", "Dr. No says that the snow melts"),
        ("word " * 300, ("word " * 48).strip()),
        ("雪" * 300, "雪" * article.SUBJECT_CHARACTERS),
    ],
    ids=["nothing", "short", "title", "chinese", "sentence", "endless", "endless chinese"],
)
def test_a_pasted_text_is_reduced_to_what_it_is_about(text, subject):
    assert article.subject(text) == subject


def test_only_an_article_is_reduced():
    text = "Rivers in spring\n\nThe snow melts."

    assert "The snow melts." not in presets.get("posts").prompt(text)
    assert "The snow melts." in presets.get("teaching").prompt(text)
