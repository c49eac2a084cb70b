"""The bounds on reading a file's parts, and the texts that are read at all."""

# More chunks or segments than any program writes; each costs a step of a loop in Python.
MAX_CHUNKS = 100_000
# Longer texts are left unread, and so are those that would make more in all: a small file of compressed texts
# would take minutes.
MAX_TEXT = 2**20
MAX_TEXTS = 2**22
# The largest profiles in use, those of printing presses, have three megabytes.
MAX_PROFILE = 2**22
# The keywords of the texts with which other programs say how they made a picture.
SETTINGS_KEYWORDS = (
    "parameters",
    "prompt",
    "invokeai_metadata",
    "sd-metadata",
    "Comment",
    "Description",
    "Software",
)
# Of all texts that anything here looks at.
KEYWORDS = frozenset({"request", "Disclaimer", *SETTINGS_KEYWORDS})
