"""How long a prompt is to a checkpoint, counted by its own tokenizer and without torch."""

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from django.conf import settings
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers

from generation.engine.checkpoints import catalogue
from generation.engine.checkpoints.catalogue import Checkpoint
from generation.engine.request import prompt_weights

# Where a tokenizer's configuration does not say: every CLIP model of Stable Diffusion.
CLIP_LENGTH = 77
# Its start and its end.
FRAME = 2
_WORDS = Regex(
    r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"
)


@dataclass(frozen=True)
class Count:
    """`tokens` of a prompt, and how many the model reads at once; more are read piece by piece."""

    tokens: int
    limit: int

    @property
    def pieces(self) -> int:
        return max(1, -(-self.tokens // self.limit))


def count(checkpoint: Checkpoint, prompt: str) -> Count | None:
    """None where the checkpoint's vocabulary is not to be had."""
    folder = catalogue.folder(checkpoint, settings.CHECKPOINTS_DIR) / "tokenizer"
    try:
        tokenizer, length = _load(folder)
    except FileNotFoundError:
        return None
    found = tokenizer.encode(prompt_weights.plain(prompt), add_special_tokens=False)
    return Count(tokens=len(found.ids), limit=length - FRAME)


@lru_cache(maxsize=8)
def _load(folder: Path) -> tuple[Tokenizer, int]:
    """The tokenizer and its model's length. Raises FileNotFoundError."""
    config = folder / "tokenizer_config.json"
    length = json.loads(config.read_text()).get("model_max_length", CLIP_LENGTH)
    whole = folder / "tokenizer.json"
    tokenizer = Tokenizer.from_file(str(whole)) if whole.exists() else _from_parts(folder)
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer, length


def _from_parts(folder: Path) -> Tokenizer:
    """CLIP's tokenizer from its vocabulary and merges, as older checkpoints have them."""
    vocabulary = json.loads((folder / "vocab.json").read_text())
    lines = (folder / "merges.txt").read_text().splitlines()
    pairs = (line.split() for line in lines if line and not line.startswith("#"))
    merges = [(first, second) for first, second in pairs]
    tokenizer = Tokenizer(
        models.BPE(
            vocabulary,
            merges,
            continuing_subword_prefix="",
            end_of_word_suffix="</w>",
            unk_token="<|endoftext|>",  # noqa: S106  # a token of another kind
        )
    )
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(_WORDS, behavior="removed", invert=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    return tokenizer
