"""The text encoder: a small CLIP text model, trained before the unet.

It learns to answer `labels.QUESTIONS` about a caption's scene, from every position at or after the end of the text, in
both languages at once. Then it is frozen. The unet thus starts with meaningful embeddings, which are alike for Chinese
and English captions of a scene.
"""

from pathlib import Path
from random import Random

import torch
from torch import nn
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from generation.engine.sketchbook import captions, labels, scenes, tokenizer
from generation.engine.sketchbook.captions import Language
from generation.engine.sketchbook.stage import Stage

WIDTH = 128
_BATCH = 96
_PEAK_RATE = 2e-3
_VOCABULARY_SEED = "sketchbook:vocabulary"


def learn_tokenizer() -> CLIPTokenizer:
    """Return a tokenizer for sketchbook's captions. Takes a second or two."""
    rng = Random(_VOCABULARY_SEED)
    return tokenizer.learn([captions.any_caption(scenes.sample(rng), rng) for _ in range(20_000)])


class Reader(nn.Module):
    """The text encoder with a layer that answers questions, which only training needs."""

    def __init__(self, tokens: CLIPTokenizer) -> None:
        super().__init__()
        self.encoder = CLIPTextModel(
            CLIPTextConfig(
                vocab_size=len(tokens),
                hidden_size=WIDTH,
                intermediate_size=4 * WIDTH,
                num_hidden_layers=3,
                num_attention_heads=4,
                max_position_embeddings=tokenizer.MAX_LENGTH,
                projection_dim=WIDTH,
                bos_token_id=tokens.bos_token_id,
                eos_token_id=tokens.eos_token_id,
                pad_token_id=tokens.pad_token_id,
            )
        )
        self.answer = nn.Linear(WIDTH, labels.WIDTH)

    def forward(self, ids: torch.Tensor, positions: torch.Tensor) -> torch.Tensor:
        """Return logits (batch, labels.WIDTH) of all answers, read at one position of each text."""
        hidden = self.encoder(ids).last_hidden_state
        logits: torch.Tensor = self.answer(hidden[torch.arange(len(ids)), positions])
        return logits


def tokenize(tokens: CLIPTokenizer, said: list[str]) -> torch.Tensor:
    """Return padded token ids: int64, shape (batch, MAX_LENGTH)."""
    ids: torch.Tensor = tokens(
        said, padding="max_length", truncation=True, return_tensors="pt"
    ).input_ids
    return ids


def start(path: Path, tokens: CLIPTokenizer) -> tuple[Reader, Stage]:
    """Return the reader and its stage, restored from `path` if it exists."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        reader = Reader(tokens)
    optimizer = torch.optim.AdamW(reader.parameters(), lr=_PEAK_RATE, weight_decay=0.01, fused=True)
    return reader.eval(), Stage("text", path, {"reader": reader}, optimizer)


def train(path: Path, tokens: CLIPTokenizer, *, steps: int) -> None:
    """Train up to `steps`, from the state in `path` if it exists."""
    reader, stage = start(path, tokens)
    reader.train()

    def loss(step: int, generator: torch.Generator) -> torch.Tensor:
        stage.set_rate(_PEAK_RATE * min(1.0, (step + 1) / 100) * max(0.02, 1 - step / steps))
        rng = Random(int(torch.randint(2**62, (), generator=generator)))
        told = [scenes.sample(rng) for _ in range(_BATCH)]
        ids = tokenize(tokens, [captions.any_caption(scene, rng) for scene in told])
        logits = reader(ids, _positions(ids, tokens, rng))
        return labels.loss(logits, torch.tensor([labels.answers(scene) for scene in told]))

    stage.run(steps, loss)


def _positions(ids: torch.Tensor, tokens: CLIPTokenizer, rng: Random) -> torch.Tensor:
    """Return one random position of each text, at or after its end."""
    ends = (ids == tokens.eos_token_id).int().argmax(dim=1)
    return torch.tensor([rng.randint(end, ids.shape[1] - 1) for end in ends.tolist()])


@torch.inference_mode()
def accuracy(
    reader: Reader, tokens: CLIPTokenizer, *, language: Language, count: int = 512
) -> float:
    """Return the share of held-out captions whose questions are all answered correctly."""
    rng = Random(f"sketchbook:held-out:{language}")
    told = [scenes.sample(rng) for _ in range(count)]
    ids = tokenize(
        tokens, [captions.caption(scene, rng, language=language, held_out=True) for scene in told]
    )
    read = labels.read(reader(ids, torch.full((count,), ids.shape[1] - 1)))
    truth = torch.tensor([labels.answers(scene) for scene in told])
    right = (read == truth) | (truth == labels.ABSENT)
    return right.all(dim=1).float().mean().item()
