"""Text that a database, a file and a page can hold."""

import re

_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


def is_storable(text: str) -> bool:
    """Return True if the text has no NUL, which PostgreSQL refuses, and no lone surrogates."""
    # `isascii` is a flag of the string: it spares the search through megabytes of base64.
    return "\0" not in text and (text.isascii() or not _LONE_SURROGATE.search(text))
