"""Token counts of prompts by a checkpoint's own tokenizer, without torch."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from django.conf import settings
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers

from generation.engine import strict_json
from generation.engine.checkpoints import catalogue
from generation.engine.checkpoints.catalogue import Checkpoint
from generation.engine.checkpoints.store import identity
from generation.engine.request import prompt_schedule, prompt_weights

# Default of `model_max_length`; true for every CLIP model of Stable Diffusion.
CLIP_LENGTH = 77
# Start and end tokens.
FRAME = 2
_WORDS = Regex(
    r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"
)


@dataclass(frozen=True)
class Count:
    """A prompt's `tokens` and the model's `limit`; longer prompts are encoded in pieces."""

    tokens: int
    limit: int

    @property
    def pieces(self) -> int:
        return max(1, -(-self.tokens // self.limit))


def count(checkpoint: Checkpoint, prompt: str) -> Count | None:
    """Count without start and end tokens; None if the checkpoint has no tokenizer files."""
    folder = catalogue.folder(checkpoint, settings.CHECKPOINTS_DIR) / "tokenizer"
    try:
        tokenizer, length = _load(folder, identity.of_folder(folder))
    except FileNotFoundError:
        return None
    # A prompt that changes counts as its longest version.
    versions = prompt_schedule.versions(prompt, steps=checkpoint.num_inference_steps)
    found = tokenizer.encode_batch(
        [prompt_weights.plain(each) for each in versions[: prompt_schedule.MAX_VERSIONS]],
        add_special_tokens=False,
    )
    return Count(tokens=max(len(each.ids) for each in found), limit=length - FRAME)


# Keyed by the files' identity, too: a checkpoint may be replaced under the same id.
@lru_cache(maxsize=8)
def _load(folder: Path, _identity: str) -> tuple[Tokenizer, int]:
    """The tokenizer and its model's length in tokens. Raises FileNotFoundError."""
    config = folder / "tokenizer_config.json"
    length = strict_json.read(config).get("model_max_length", CLIP_LENGTH)
    whole = folder / "tokenizer.json"
    tokenizer = Tokenizer.from_file(str(whole)) if whole.exists() else _from_parts(folder)
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer, length


def _from_parts(folder: Path) -> Tokenizer:
    """Build CLIP's tokenizer from vocab.json and merges.txt, the format of older checkpoints."""
    vocabulary = strict_json.read(folder / "vocab.json")
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
