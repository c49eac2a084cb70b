"""CLIP text encoder: embeddings of prompts of any length, with weighted words.

A plain prompt that fits is encoded exactly as diffusers' pipelines do it. A longer prompt is cut
into pieces of the model's length, which are encoded separately and concatenated. Each token's
embedding is multiplied by its weight, then each piece is scaled back to its mean, as in
AUTOMATIC1111's web UI, whose notation this is. The word BREAK ends a piece early.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, NamedTuple

import torch
from torch import Tensor

from generation.engine.request import prompt_weights
from generation.engine.request.prompt_weights import Fragment

# Pieces that go through a model together: a prompt of many versions must not fill the memory.
_MAX_PIECES = 64
# Means below this share of the mean size are rounding errors.
_ZERO_MEAN = 1e-6


class Prompt(NamedTuple):
    """A text, and the layer that its embedding is taken from, counted from the last one.

    Embeddings are kept by prompt: two people's equal texts may be read by different layers.
    """

    text: str
    clip_skip: int = 1


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
    """A tokenizer and its text model.

    A `penultimate` model was trained with the layer before its last one: a clip skip of 1 means that, too.
    """

    def __init__(self, tokenizer: Any, model: Any, *, penultimate: bool = False) -> None:
        self.tokenizer = tokenizer
        self.model = model
        self._penultimate = penultimate
        self._length = int(tokenizer.model_max_length)

    def encode(self, prompts: Sequence[Prompt]) -> dict[Prompt, Embedding]:
        """Run the model once over all distinct texts; return their embeddings by prompt."""
        pieces = {text: self._pieces(text) for text in dict.fromkeys(each.text for each in prompts)}
        starts, count = {}, 0
        for text, piece in pieces.items():
            starts[text], count = count, count + len(piece.ids)
        layers, pooled = self._run(
            torch.cat([piece.ids for piece in pieces.values()]),
            layers={self._layer(prompt) for prompt in prompts},
        )
        embeddings = {}
        for prompt in dict.fromkeys(prompts):
            piece, start = pieces[prompt.text], starts[prompt.text]
            hidden = layers[self._layer(prompt)][start : start + len(piece.ids)]
            embeddings[prompt] = Embedding(
                hidden=_weighted(hidden, piece.weights).flatten(0, 1)[None],
                pooled=None if pooled is None else pooled[start : start + 1],
            )
        return embeddings

    def _layer(self, prompt: Prompt) -> int:
        """Return the number of the layer, counted from the last one as 1."""
        return max(prompt.clip_skip, 2 if self._penultimate else 1)

    def _run(
        self, ids: Tensor, *, layers: Collection[int]
    ) -> tuple[dict[int, Tensor], Tensor | None]:
        """Return the hidden states of each layer, and the pooled output of models that have one."""
        parts = [self._run_part(part, layers) for part in torch.split(ids, _MAX_PIECES)]
        hidden = {
            layer: torch.cat([states[layer] for states, _pooled in parts]) for layer in layers
        }
        pooled = [each for _states, each in parts if each is not None]
        return hidden, torch.cat(pooled) if pooled else None

    def _run_part(
        self, ids: Tensor, layers: Collection[int]
    ) -> tuple[dict[int, Tensor], Tensor | None]:
        # The other layers' states end here: those of all parts would fill the memory.
        output = self.model(ids.to(self.model.device), output_hidden_states=layers != {1})
        hidden = {layer: self._hidden(output, layer) for layer in layers}
        return hidden, getattr(output, "text_embeds", None)

    def _hidden(self, output: Any, layer: int) -> Tensor:
        states: Tensor
        if layer == 1:
            states = output.last_hidden_state
        elif self._penultimate:
            states = output.hidden_states[-layer]
        else:
            # Models whose last layer is normalized expect that of the others, too.
            text_model = getattr(self.model, "text_model", self.model)
            states = text_model.final_layer_norm(output.hidden_states[-layer])
        return states

    def _pieces(self, text: str) -> _Pieces:
        room = self._length - 2
        ids: list[list[int]] = []
        weights: list[list[float]] = []
        for tokens in self._parts(prompt_weights.parse(text)):
            for start in range(0, max(len(tokens), 1), room):
                piece = tokens[start : start + room]
                ids.append(self._framed([id for id, _weight in piece]))
                weights.append([1.0, *_filled([weight for _id, weight in piece], room), 1.0])
        return _Pieces(ids=torch.tensor(ids), weights=torch.tensor(weights))

    def _parts(self, fragments: Sequence[Fragment]) -> list[list[tuple[int, float]]]:
        """Return tokens with their weights, one list for each part between BREAKs; at least one."""
        parts: list[list[tuple[int, float]]] = [[]]
        split = [prompt_weights.BREAK.split(fragment.text) for fragment in fragments]
        # In one call: each costs more than the few tokens that it finds.
        found = iter(self.tokenizer([*chain(*split)], add_special_tokens=False).input_ids)
        for fragment, texts in zip(fragments, split, strict=True):
            for index, _text in enumerate(texts):
                if index:
                    parts.append([])
                parts[-1] += [(id, fragment.weight) for id in next(found)]
        return parts if parts[-1] or len(parts) == 1 else parts[:-1]

    def _framed(self, ids: list[int]) -> list[int]:
        """Put a piece between the marks of its start and end, padded to the model's length."""
        framed = [self.tokenizer.bos_token_id, *ids, self.tokenizer.eos_token_id]
        return framed + [self.tokenizer.pad_token_id] * (self._length - len(framed))


def _filled(weights: list[float], length: int) -> list[float]:
    return weights + [1.0] * (length - len(weights))


def _weighted(hidden: Tensor, weights: Tensor) -> Tensor:
    """Multiply each token's embedding, (pieces, length, width), and keep the mean of each piece."""
    if bool((weights == 1.0).all()):
        return hidden
    weighted = hidden * weights.to(hidden)[:, :, None]
    before, after = (each.mean(dim=(1, 2), keepdim=True) for each in (hidden, weighted))
    # A mean of zero can't be restored: what is left of it by rounding would differ from batch to batch.
    is_zero = after.abs() <= _ZERO_MEAN * weighted.abs().mean(dim=(1, 2), keepdim=True)
    return weighted * torch.where(is_zero, 1.0, before / after)
