"""The subject of a pasted article, as words for a prompt."""

import re

# A first line of up to this length counts as the title.
TITLE_CHARACTERS = 120
SUBJECT_CHARACTERS = 240
# At least 30 characters, so that an abbreviation's period does not end the sentence.
_SENTENCE = re.compile(r".{30,}?(?:[.!?](?=\s|$)|[。！？]|$)")


def subject(text: str) -> str:
    """The text's title, or the first sentence of a long first line; empty for an empty text."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if not lines:
        return ""
    title = lines[0].lstrip("# ")
    if len(title) > TITLE_CHARACTERS:
        title = _SENTENCE.match(title)[0]  # type: ignore[index]  # a nonempty line always matches
    return _shortened(title).rstrip(" .。")


def _shortened(text: str) -> str:
    """The first SUBJECT_CHARACTERS, cut at a space if possible."""
    if len(text) <= SUBJECT_CHARACTERS:
        return text
    kept = text[:SUBJECT_CHARACTERS]
    return kept.rsplit(" ", 1)[0] if " " in kept else kept
