"""What a prompt may not ask for: rules in data, one file a language, and a matcher that is hard to fool.

    policy.violation("a red house")    the category of the first rule that a prompt breaks, or None

README.md beside this file says how to maintain the rules. Knows nothing of Django's models.
"""

from collections.abc import Collection
from functools import cache
from pathlib import Path

from generation.engine.request import prompt_weights
from generation.moderation.policy.categories import CATEGORIES, Category
from generation.moderation.policy.rules import Rules

__all__ = ["CATEGORIES", "Category", "Rules", "violation"]

FOLDER = Path(__file__).parent


def violation(prompt: str, *, categories: Collection[Category], folder: Path) -> Category | None:
    """Return the first category, of those that count here, that the prompt falls into.

    The negative prompt needs no looking at: what is in it is kept out of the picture.
    """
    # Weights in brackets would cut words in two.
    texts = {prompt, prompt_weights.plain(prompt)}
    found = {category for text in texts for category in _rules(folder).broken_by(text)}
    return next((each for each in Category if each in found & set(categories)), None)


@cache
def _rules(folder: Path) -> Rules:
    """The rules of a folder, read once a process."""
    return Rules.read(folder)
