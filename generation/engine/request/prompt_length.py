"""Length of prompts in pieces of a text encoder, estimated without its tokenizer."""

import re

# Tokens of one piece, as CLIP reads them.
PIECE_TOKENS = 75
# Runs with more pieces than this cost noticeably more a step.
USUAL_PIECES = 8
_WORD = re.compile(r"[^\W_]+|[^\w\s]|_")
_LETTERS_A_TOKEN = 5


def pieces_in(text: str) -> int:
    """The estimated number of pieces; at least one."""
    tokens = sum(
        1 + len(word) // _LETTERS_A_TOKEN if word.isascii() else 2 * len(word)
        for word in _WORD.findall(text)
    )
    return max(1, -(-tokens // PIECE_TOKENS))
