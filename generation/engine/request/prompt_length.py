"""Length of prompts in pieces of a text encoder, estimated without its tokenizer."""

import re
import unicodedata
from functools import lru_cache

from generation.engine.request.prompt_weights import BREAK

# Tokens of one piece, as CLIP reads them.
PIECE_TOKENS = 75
# Runs with more pieces than this cost noticeably more a step.
USUAL_PIECES = 8
# As many as 32,000 characters of ordinary English have.
MAX_PIECES = 160
_WORD = re.compile(r"[a-z]+")
_IS_FREE = re.compile(r"[a-z \t\n\r\f\v]+")
_LETTERS_A_TOKEN = 5


@lru_cache(maxsize=64)
def pieces_in(text: str) -> int:
    """The estimated number of pieces, at least one for each part between BREAKs."""
    return sum(max(1, -(-_tokens(part) // PIECE_TOKENS)) for part in BREAK.split(text))


def _tokens(text: str) -> int:
    """The estimated tokens: one for each digit and sign, and for each byte of other characters."""
    # As tokenizers do: both may make characters longer.
    normal = unicodedata.normalize("NFC", text).lower()
    words = sum(1 + len(word) // _LETTERS_A_TOKEN for word in _WORD.findall(normal))
    return words + len(_IS_FREE.sub("", normal).encode("utf-8", "replace"))
