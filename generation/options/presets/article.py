"""What a text is about, for a picture that goes with it."""

import re

# A line that is no longer is taken for a title.
TITLE_CHARACTERS = 120
SUBJECT_CHARACTERS = 240
# The first that is long enough not to end with an abbreviation.
_SENTENCE = re.compile(r".{30,}?(?:[.!?](?=\s|$)|[。！？]|$)")


def subject(text: str) -> str:
    """The title of a pasted text, or its first sentence; a short text is its own subject."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if not lines:
        return ""
    title = lines[0].lstrip("# ")
    if len(title) > TITLE_CHARACTERS:
        title = _SENTENCE.match(title)[0]  # type: ignore[index]  # a line that is not empty matches
    return _shortened(title).rstrip(" .。")


def _shortened(text: str) -> str:
    """At most SUBJECT_CHARACTERS of it, ending with a whole word where it has words."""
    if len(text) <= SUBJECT_CHARACTERS:
        return text
    kept = text[:SUBJECT_CHARACTERS]
    return kept.rsplit(" ", 1)[0] if " " in kept else kept
