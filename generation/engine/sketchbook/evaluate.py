"""Evaluation of a checkpoint folder: diffusers' pipeline draws held-out captions, and the judge scores them."""

import time
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random

import numpy as np
import torch
from diffusers import StableDiffusionPipeline

from generation.engine.sketchbook import captions, drawing, scenes
from generation.engine.sketchbook.captions import Language
from generation.engine.sketchbook.judge import Judge, Scores, score
from generation.engine.sketchbook.pictures import Pixels
from generation.engine.sketchbook.scenes import Scene

NUM_INFERENCE_STEPS = 20
GUIDANCE_SCALE = 4.0
_BATCH = 8


@dataclass(frozen=True, kw_only=True)
class Report:
    """The result of an evaluation. `scores` are by language; `floor` compares the images with other captions' scenes."""

    prompts: int
    size: int
    num_inference_steps: int
    guidance_scale: float
    seconds_per_picture: float
    scores: dict[str, Scores]
    floor: Scores
    ceiling: Scores

    def to_dict(self) -> dict[str, object]:
        return asdict(self)


def held_out(language: Language, count: int) -> tuple[list[Scene], list[str]]:
    """Return scenes, and a caption of each in a sentence frame, that no stage trains on."""
    rng = Random(f"sketchbook:evaluation:{language}")
    told = [scenes.sample(rng) for _ in range(count)]
    return told, [captions.caption(scene, rng, language=language, held_out=True) for scene in told]


def evaluate(folder: Path, judge: Judge, *, prompts: int) -> tuple[Report, Pixels]:
    """Draw this many held-out captions a language; return the scores, and the English images in order."""
    pipeline = StableDiffusionPipeline.from_pretrained(folder)
    pipeline.set_progress_bar_config(disable=True)
    scores: dict[str, Scores] = {}
    pictures: dict[Language, Pixels] = {}
    started = time.monotonic()
    for language in Language:
        asked, said = held_out(language, prompts)
        pictures[language] = generate(pipeline, said)
        scores[language] = score(judge.see(pictures[language]), asked)
    seconds = (time.monotonic() - started) / (len(Language) * prompts)
    asked, _ = held_out(Language.ENGLISH, prompts)
    english = pictures[Language.ENGLISH]
    report = Report(
        prompts=prompts,
        size=english.shape[1],
        num_inference_steps=NUM_INFERENCE_STEPS,
        guidance_scale=GUIDANCE_SCALE,
        seconds_per_picture=seconds,
        scores=scores,
        floor=score(judge.see(english), asked[1:] + asked[:1]),
        ceiling=ceiling(judge, asked),
    )
    return report, english


def ceiling(judge: Judge, asked: list[Scene]) -> Scores:
    """Return the judge's scores for drawings of the scenes."""
    return score(judge.see(np.stack([np.asarray(drawing.draw(scene)) for scene in asked])), asked)


def generate(pipeline: StableDiffusionPipeline, prompts: list[str]) -> Pixels:
    """Return one image a prompt, image n from seed n: uint8, shape (count, side, side, 3)."""
    made = []
    for start in range(0, len(prompts), _BATCH):
        batch = prompts[start : start + _BATCH]
        pictures = pipeline(
            batch,
            num_inference_steps=NUM_INFERENCE_STEPS,
            guidance_scale=GUIDANCE_SCALE,
            generator=[
                torch.Generator().manual_seed(start + number) for number in range(len(batch))
            ],
        ).images
        made += [np.asarray(picture) for picture in pictures]
    return np.stack(made)
