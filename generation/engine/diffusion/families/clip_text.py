"""CLIP text encoder: embeddings of prompts of any length, with weighted words.

A plain prompt that fits is encoded exactly as diffusers' pipelines do it. A longer prompt is cut
into pieces of the model's length, which are encoded separately and concatenated. Each token's
embedding is multiplied by its weight, then the whole is scaled back to its mean, as in
AUTOMATIC1111's web UI, whose notation this is.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor

from generation.engine.request import prompt_weights
from generation.engine.request.prompt_weights import Fragment


class Embedding(NamedTuple):
    """The embedding of one prompt.

    `hidden` has shape (1, tokens, width). `pooled`, (1, width), is None for an encoder without a
    pooled output.
    """

    hidden: Tensor
    pooled: Tensor | None

    @property
    def vector(self) -> Tensor:
        """The pooled embedding, (1, width), of an encoder that has one."""
        assert self.pooled is not None
        return self.pooled


@dataclass(frozen=True)
class _Pieces:
    """A prompt as token ids, (pieces, length), and each token's weight, shaped alike."""

    ids: Tensor
    weights: Tensor


class ClipTextEncoder:
    """A tokenizer and its text model; `penultimate` selects the hidden states before the last layer."""

    def __init__(self, tokenizer: Any, model: Any, *, penultimate: bool = False) -> None:
        self.tokenizer = tokenizer
        self.model = model
        self._penultimate = penultimate
        self._length = int(tokenizer.model_max_length)

    def encode(self, texts: Sequence[str]) -> dict[str, Embedding]:
        """Run the model once over all distinct texts; return their embeddings by text."""
        unique = list(dict.fromkeys(texts))
        pieces = [self._pieces(text) for text in unique]
        output = self.model(
            torch.cat([piece.ids for piece in pieces]).to(self.model.device),
            output_hidden_states=self._penultimate,
        )
        hidden = output.hidden_states[-2] if self._penultimate else output.last_hidden_state
        pooled = getattr(output, "text_embeds", None)
        embeddings, start = {}, 0
        for text, piece in zip(unique, pieces, strict=True):
            end = start + len(piece.ids)
            embeddings[text] = Embedding(
                hidden=_weighted(hidden[start:end], piece.weights).flatten(0, 1)[None],
                pooled=None if pooled is None else pooled[start : start + 1],
            )
            start = end
        return embeddings

    def _pieces(self, text: str) -> _Pieces:
        fragments = prompt_weights.parse(text)
        ids, weights = self._tokens(fragments)
        room = self._length - 2
        starts = range(0, max(len(ids), 1), room)
        return _Pieces(
            ids=torch.tensor([self._framed(ids[start : start + room]) for start in starts]),
            weights=torch.tensor(
                [[1.0, *_filled(weights[start : start + room], room), 1.0] for start in starts]
            ),
        )

    def _tokens(self, fragments: Sequence[Fragment]) -> tuple[list[int], list[float]]:
        ids: list[int] = []
        weights: list[float] = []
        for fragment in fragments:
            found = self.tokenizer(fragment.text, add_special_tokens=False).input_ids
            ids += found
            weights += [fragment.weight] * len(found)
        return ids, weights

    def _framed(self, ids: list[int]) -> list[int]:
        """Put a piece between the marks of its start and end, padded to the model's length."""
        framed = [self.tokenizer.bos_token_id, *ids, self.tokenizer.eos_token_id]
        return framed + [self.tokenizer.pad_token_id] * (self._length - len(framed))


def _filled(weights: list[float], length: int) -> list[float]:
    return weights + [1.0] * (length - len(weights))


def _weighted(hidden: Tensor, weights: Tensor) -> Tensor:
    """Multiply each token's embedding, (pieces, length, width), and keep the mean of the whole."""
    if bool((weights == 1.0).all()):
        return hidden
    weighted = hidden * weights.to(hidden)[:, :, None]
    return weighted * (hidden.mean() / weighted.mean())
