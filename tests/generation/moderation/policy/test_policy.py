"""Prompts that must pass, and prompts that must not, however they are written."""

import time
from pathlib import Path

import pytest

from generation.engine.request import MAX_PROMPT_LENGTH
from generation.moderation import policy
from generation.moderation.policy import CATEGORIES, Category, normalize
from generation.moderation.policy.rules import InvalidRules, Rules

HERE = Path(__file__).parent
INNOCENT = (HERE / "innocent.txt").read_text(encoding="utf-8").splitlines()
REFUSED = [
    line.split("\t") for line in (HERE / "refused.txt").read_text(encoding="utf-8").splitlines()
]


def violation(prompt, *, categories=tuple(Category), folder=policy.FOLDER):
    return policy.violation(prompt, categories=categories, folder=folder)


@pytest.mark.parametrize("prompt", INNOCENT)
def test_an_innocent_prompt_passes(prompt):
    assert violation(prompt) is None


@pytest.mark.parametrize(("category", "prompt"), REFUSED)
def test_a_prompt_is_refused_for_its_category(category, prompt):
    assert violation(prompt) == category


@pytest.mark.parametrize("prompt", ["", " ", "!!!", "\u200b", "1", "🏠", "\u202e", "a" * 2_000])
def test_what_says_nothing_breaks_nothing(prompt):
    assert violation(prompt) is None


def test_a_category_that_does_not_count_breaks_nothing():
    assert violation("a nude woman", categories=[Category.GORE]) is None
    assert violation("a nude beheaded woman", categories=[Category.GORE]) is Category.GORE


def test_the_gravest_category_is_told():
    assert violation("a nude child, porn") is Category.MINORS


@pytest.mark.parametrize("category", Category)
def test_every_category_has_a_message_and_rules(category):
    assert CATEGORIES[category]
    assert any(found == category for found, _prompt in REFUSED)


SIGNS = ("n", "a ", "n-u-", "1!", "裸 ", "(", "(a", "([a,", "(a:1.2) ")


@pytest.mark.parametrize("signs", SIGNS)
@pytest.mark.parametrize(("length", "seconds"), [(2_000, 0.5), (MAX_PROMPT_LENGTH, 4.0)])
def test_no_prompt_keeps_the_matcher_busy(signs, length, seconds):
    violation("warm up")
    began = time.process_time()

    violation((signs * length)[:length])

    assert time.process_time() - began < seconds


@pytest.mark.parametrize("signs", ["ab cd ", "naked eye ", "a tin robot, "])
def test_most_readings_of_a_long_prompt_are_one(signs):
    text = normalize.folded((signs * MAX_PROMPT_LENGTH)[:MAX_PROMPT_LENGTH])

    assert len(list(normalize.english(text))) == 1


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("nonsense", "TOML"),
        ("rules = []", "language"),
        ('language = "xx"\nrules = []', "xx"),
        ('language = "en"\n[[rules]]\nwords = ["a"]', "category"),
        ('language = "en"\n[[rules]]\ncategory = "dance"\nwords = ["a"]', "dance"),
        ('language = "en"\n[[rules]]\ncategory = "gore"', "no words"),
        ('language = "en"\n[[rules]]\ncategory = "gore"\nwords = []', "no words"),
        ('language = "en"\n[[rules]]\ncategory = "gore"\nwords = ["@x"]', "x"),
        ('language = "en"\n[[rules]]\ncategory = "gore"\nwords = ["/("]', "error"),
        ('language = "en"\n[[rules]]\ncategory = "gore"\nwrods = ["a"]', "unknown: wrods"),
    ],
)
def test_rules_that_make_no_sense_are_refused(tmp_path, content, reason):
    (tmp_path / "en.toml").write_text(content)

    with pytest.raises(InvalidRules, match=reason):
        Rules.read(tmp_path)


def test_a_folder_without_rules_is_refused(tmp_path):
    with pytest.raises(InvalidRules, match="has no rules"):
        Rules.read(tmp_path)


def test_an_operator_may_have_rules_of_their_own(tmp_path):
    rules = 'language = "en"\n[[rules]]\ncategory = "hate"\nwords = ["our rival"]\n'
    (tmp_path / "en.toml").write_text(rules)

    assert violation("the logo of our rivals", folder=tmp_path) is Category.HATE
    assert violation("a nude", folder=tmp_path) is None
