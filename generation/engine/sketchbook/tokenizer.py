"""The tokenizer: byte-level BPE in CLIP's form, learned from captions. It can encode any text."""

import json
from collections.abc import Iterable

from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers
from transformers import CLIPTokenizer

MAX_LENGTH = 48
_START, _END = "<|startoftext|>", "<|endoftext|>"
_END_OF_WORD = "</w>"
_WORDS = Regex(r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+")
_MERGES = 640


def learn(captions: Iterable[str]) -> CLIPTokenizer:
    """Return a tokenizer whose merges are the most common pairs in these captions."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    merges = _merges(captions, alphabet)
    pieces = (
        alphabet
        + [letter + _END_OF_WORD for letter in alphabet]
        + [first + second for first, second in merges]
    )
    vocabulary = {
        piece: number for number, piece in enumerate([*dict.fromkeys(pieces), _START, _END])
    }
    return CLIPTokenizer(
        vocab=vocabulary,
        merges=merges,
        bos_token=_START,
        eos_token=_END,
        unk_token=_END,
        pad_token=_END,
        model_max_length=MAX_LENGTH,
    )


def _merges(captions: Iterable[str], alphabet: list[str]) -> list[tuple[str, str]]:
    """Return the merges of a BPE trainer."""
    bpe = Tokenizer(models.BPE(end_of_word_suffix=_END_OF_WORD))
    bpe.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Lowercase()])
    bpe.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(_WORDS, behavior="removed", invert=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    trainer = trainers.BpeTrainer(
        vocab_size=2 * len(alphabet) + _MERGES,
        initial_alphabet=alphabet,
        end_of_word_suffix=_END_OF_WORD,
        show_progress=False,
        min_frequency=2,
    )
    bpe.train_from_iterator(captions, trainer)
    model = json.loads(bpe.to_str())["model"]
    return [(first, second) for first, second in model["merges"]]
