"""Training of the sketchbook checkpoint: `python -m generation.engine.sketchbook.train`.

Every stage resumes from its state file, so the command can be interrupted and repeated at any time.
`--stages save,evaluate` saves the present state of the unet, also while another process continues the training.
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

from generation.engine.sketchbook import (
    card,
    denoiser,
    evaluate,
    judge,
    pictures,
    saving,
    text_encoder,
    vae,
)
from generation.engine.sketchbook.captions import Language
from generation.engine.sketchbook.pictures import Pixels

STAGES = ("draw", "vae", "encode", "text", "judge", "unet", "save", "evaluate")
# It needs no state of the training, only a judge: `--stages draw,judge,score`.
MORE_STAGES = ("score",)
CHECKPOINT = Path(__file__).parent / "checkpoint"
SEED = "sketchbook:train"


class Training:
    """The stages of one state folder. A stage reads the results of earlier ones from their state files."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self._arguments = arguments
        self._output: Path = arguments.output
        self._state: Path = arguments.state
        self._state.mkdir(parents=True, exist_ok=True)

    def run(self, stage: str) -> None:
        """Run one of STAGES or MORE_STAGES."""
        getattr(self, f"_run_{stage}")()

    def _run_draw(self) -> None:
        pictures.draw_all(
            self._state / "pictures.npy",
            count=self._arguments.scenes,
            seed=SEED,
            workers=os.cpu_count() or 1,
        )

    def _run_vae(self) -> None:
        vae.train(self._state / "vae.pt", self._pixels, steps=self._arguments.vae_steps)

    def _run_encode(self) -> None:
        """Encode every drawing, unless the latents are newer than the autoencoder."""
        path = self._state / "latents.npy"
        if not path.exists() or path.stat().st_mtime < (self._state / "vae.pt").stat().st_mtime:
            autoencoder, _ = vae.start(self._state / "vae.pt")
            np.save(path, vae.encode(autoencoder, self._pixels))

    def _run_text(self) -> None:
        text_encoder.train(self._state / "text.pt", self._tokens, steps=self._arguments.text_steps)

    def _run_judge(self) -> None:
        judge.train(
            self._state / "judge.pt", self._pixels, seed=SEED, steps=self._arguments.judge_steps
        )

    def _run_unet(self) -> None:
        reader, _ = text_encoder.start(self._state / "text.pt", self._tokens)
        material = denoiser.Material(
            latents=self._latents, seed=SEED, tokens=self._tokens, encoder=reader.encoder
        )
        denoiser.train(self._state / "unet.pt", material, steps=self._arguments.unet_steps)

    def _run_save(self) -> None:
        """Write the checkpoint folder from the present state files."""
        autoencoder, _ = vae.start(self._state / "vae.pt")
        reader, _ = text_encoder.start(self._state / "text.pt", self._tokens)
        _, average, _ = denoiser.start(self._state / "unet.pt")
        saving.save(
            self._output,
            vae=autoencoder,
            unet=average.model(),
            encoder=reader.encoder,
            tokens=self._tokens,
            scaling_factor=denoiser.scaling_factor(self._latents),
        )

    def _run_score(self) -> None:
        """Score the checkpoint folder and print the table; writes nothing."""
        seeing, _ = judge.start(self._state / "judge.pt")
        report, _ = evaluate.evaluate(self._output, seeing, prompts=self._arguments.prompts)
        print(card.table(report))

    def _run_evaluate(self) -> None:
        """Score the checkpoint folder and write its model card."""
        seeing, judged = judge.start(self._state / "judge.pt")
        report, made = evaluate.evaluate(self._output, seeing, prompts=self._arguments.prompts)
        (self._output / "scores.json").write_text(json.dumps(report.to_dict(), indent=2) + "\n")
        autoencoder, encoded = vae.start(self._state / "vae.pt")
        reader, read = text_encoder.start(self._state / "text.pt", self._tokens)
        _, _, denoised = denoiser.start(self._state / "unet.pt")
        made_by = card.MadeBy(
            stages=(encoded, read, judged, denoised),
            scenes=len(self._pixels),
            reading={
                language: text_encoder.accuracy(reader, self._tokens, language=language)
                for language in Language
            },
            decibels=vae.fidelity(autoencoder, self._pixels[:64]),
        )
        card.write(self._output, report, made, made_by)
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
        """The tokenizer: learned once, then loaded, because the text encoder's weights depend on it."""
        folder = self._state / "tokenizer"
        if not folder.exists():
            text_encoder.learn_tokenizer().save_pretrained(folder)
        return CLIPTokenizer.from_pretrained(folder)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the stages on the command line, in their order there."""
    parsed = _parser().parse_args(arguments)
    torch.set_num_threads(parsed.threads)
    training = Training(parsed)
    for stage in parsed.stages:
        training.run(stage)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--stages",
        type=_stages,
        default=STAGES,
        help=f"comma-separated, some of {','.join(STAGES)} (all), or {','.join(MORE_STAGES)}",
    )
    for name, default, of_what in (
        ("--state", user_cache_path("sketchbook"), "drawings and resumable state"),
        ("--output", CHECKPOINT, "the checkpoint to save and evaluate"),
    ):
        parser.add_argument(
            name, type=Path, default=default, help=f"folder of {of_what} (%(default)s)"
        )
    for name, number, of_what in (
        ("--threads", os.cpu_count(), "processor cores to train with"),
        ("--scenes", 24_576, "training scenes to draw"),
        ("--vae-steps", 6_000, "steps of the autoencoder"),
        ("--text-steps", 1_300, "steps of the text encoder"),
        ("--judge-steps", 2_000, "steps of the judge"),
        ("--unet-steps", 60_000, "steps of the unet; more of them continue a finished training"),
        ("--prompts", 100, "held-out captions a language to evaluate with"),
    ):
        parser.add_argument(
            name, type=int, default=number, metavar="N", help=f"{of_what} (%(default)s)"
        )
    return parser


def _stages(named: str) -> tuple[str, ...]:
    stages = tuple(named.split(","))
    unknown = set(stages) - {*STAGES, *MORE_STAGES}
    if unknown:
        raise argparse.ArgumentTypeError(f"no such stage: {', '.join(sorted(unknown))}")
    return stages


if __name__ == "__main__":
    main()
