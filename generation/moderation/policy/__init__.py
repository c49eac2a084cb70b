"""The prompt policy: rules in data files, one for each language, and a matcher that is hard to fool.

    policy.violation("a red house")    the gravest category that the prompt breaks, or None

README.md in this folder explains how to maintain the rules. Imports no Django models.
"""

from collections.abc import Collection
from functools import cache, lru_cache
from pathlib import Path

from generation.engine.request import prompt_weights
from generation.moderation.policy.categories import CATEGORIES, Category
from generation.moderation.policy.rules import Rules

__all__ = ["CATEGORIES", "Category", "Rules", "violation"]

FOLDER = Path(__file__).parent


def violation(
    prompt: str,
    *,
    categories: Collection[Category],
    folder: Path,
    versions: Collection[str] = (),
) -> Category | None:
    """Return the gravest of `categories` that the prompt breaks; None if it breaks none.

    `versions` are the prompts that a changing one becomes: a word may be split between them. The
    negative prompt is not checked, because it keeps things out of the picture.
    """
    # Weights in brackets can split a word.
    texts = {text for each in (prompt, *versions) for text in (each, prompt_weights.plain(each))}
    found = {category for text in texts for category in _broken_by(text, folder)}
    return next((each for each in Category if each in found & set(categories)), None)


# A request is checked twice: before its order, and with its job. The longest prompts take up to a
# fifth of a second.
@lru_cache(maxsize=32)
def _broken_by(text: str, folder: Path) -> frozenset[Category]:
    return frozenset(_rules(folder).broken_by(text))


@cache
def _rules(folder: Path) -> Rules:
    """The rules in a folder, read once per process."""
    return Rules.read(folder)
