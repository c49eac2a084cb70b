"""The command that makes the sketchbook checkpoint: `python -m generation.engine.sketchbook.train`.

Stages run in this order and each continues where its state file left off, so the command can be interrupted and called
again at any time. `--stages save,evaluate` lands what the unet has learned so far while another process trains on.
"""

import argparse
import json
import os
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from platformdirs import user_cache_path
from transformers import CLIPTokenizer

from generation.engine.sketchbook import card, denoiser, evaluate, judge, pictures, saving, text_encoder, vae
from generation.engine.sketchbook.captions import Language
from generation.engine.sketchbook.pictures import Pixels

STAGES = ("draw", "vae", "encode", "text", "judge", "unet", "save", "evaluate")
CHECKPOINT = Path(__file__).parent / "checkpoint"
SEED = "sketchbook:train"


class Training:
    """One run of the stages over one state folder. What a stage needs of an earlier one is read from its state file."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self._arguments = arguments
        self._state: Path = arguments.state
        self._state.mkdir(parents=True, exist_ok=True)

    def run(self, stages: Sequence[str]) -> None:
        """Run these stages in order."""
        for stage in stages:
            getattr(self, stage)()

    def draw(self) -> None:
        """Draw the training scenes."""
        pictures.draw_all(self._state / "pictures.npy", count=self._arguments.scenes, seed=SEED, workers=os.cpu_count() or 1)

    def vae(self) -> None:
        """Train the autoencoder."""
        vae.train(self._state / "vae.pt", self._pixels, steps=self._arguments.vae_steps)

    def encode(self) -> None:
        """Encode every picture, unless it was done with the autoencoder as it is."""
        path = self._state / "latents.npy"
        if not path.exists() or path.stat().st_mtime < (self._state / "vae.pt").stat().st_mtime:
            autoencoder, _ = vae.start(self._state / "vae.pt")
            np.save(path, vae.encode(autoencoder, self._pixels))

    def text(self) -> None:
        """Train the text encoder."""
        text_encoder.train(self._state / "text.pt", self._tokens, steps=self._arguments.text_steps)

    def judge(self) -> None:
        """Train the judge."""
        judge.train(self._state / "judge.pt", self._pixels, seed=SEED, steps=self._arguments.judge_steps)

    def unet(self) -> None:
        """Train the unet."""
        reader, _ = text_encoder.start(self._state / "text.pt", self._tokens)
        material = denoiser.Material(latents=self._latents, seed=SEED, tokens=self._tokens, encoder=reader.encoder)
        denoiser.train(self._state / "unet.pt", material, steps=self._arguments.unet_steps)

    def save(self) -> None:
        """Write the checkpoint folder from the state files as they are."""
        autoencoder, _ = vae.start(self._state / "vae.pt")
        reader, _ = text_encoder.start(self._state / "text.pt", self._tokens)
        _, average, _ = denoiser.start(self._state / "unet.pt")
        saving.save(
            self._arguments.output,
            vae=autoencoder,
            unet=average.model(),
            encoder=reader.encoder,
            tokens=self._tokens,
            scaling_factor=denoiser.scaling_factor(self._latents),
        )

    def evaluate(self) -> None:
        """Score the checkpoint folder and write its model card."""
        seeing, judging = judge.start(self._state / "judge.pt")
        report, made = evaluate.evaluate(self._arguments.output, seeing, prompts=self._arguments.prompts)
        (self._arguments.output / "scores.json").write_text(json.dumps(report.to_dict(), indent=2) + "\n")
        autoencoder, encoding = vae.start(self._state / "vae.pt")
        reader, reading = text_encoder.start(self._state / "text.pt", self._tokens)
        _, _, drawing = denoiser.start(self._state / "unet.pt")
        drawn = self._pixels[:64]
        card.write(
            self._arguments.output,
            report,
            made,
            stages=[encoding, reading, judging, drawing],
            reading={language: text_encoder.accuracy(reader, self._tokens, language=language) for language in Language},
            decibels=vae.signal_to_noise(drawn, vae.decode(autoencoder, torch.from_numpy(vae.encode(autoencoder, drawn)).float())),
            scenes=len(self._pixels),
        )
        print(card.table(report))

    @cached_property
    def _pixels(self) -> Pixels:
        return pictures.load(self._state / "pictures.npy")

    @cached_property
    def _latents(self) -> NDArray[np.float16]:
        latents: NDArray[np.float16] = np.load(self._state / "latents.npy")
        return latents

    @cached_property
    def _tokens(self) -> CLIPTokenizer:
        return text_encoder.learn_tokenizer()


def main(arguments: Sequence[str] | None = None) -> None:
    """Parse the command line and train."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--stages", default=",".join(STAGES), help="comma-separated, of: %(default)s")
    parser.add_argument("--state", type=Path, default=user_cache_path("sketchbook"), help="folder of drawn data and resumable state (%(default)s)")
    parser.add_argument("--output", type=Path, default=CHECKPOINT, help="checkpoint folder that is saved and evaluated (%(default)s)")
    parser.add_argument("--scenes", type=int, default=24_576, help="training scenes to draw (%(default)s)")
    parser.add_argument("--vae-steps", type=int, default=6_000)
    parser.add_argument("--text-steps", type=int, default=2_500)
    parser.add_argument("--judge-steps", type=int, default=2_500)
    parser.add_argument("--unet-steps", type=int, default=60_000)
    parser.add_argument("--prompts", type=int, default=100, help="held-out captions a language to evaluate with (%(default)s)")
    parsed = parser.parse_args(arguments)
    Training(parsed).run(parsed.stages.split(","))


if __name__ == "__main__":
    main()
