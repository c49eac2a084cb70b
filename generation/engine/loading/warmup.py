"""Warm-up: steps and images taken while a checkpoint loads, so that no user waits for the compiler.

A compiler makes one version of a block for each kind of input that it tells apart. It treats equal
sizes as one symbol, so no two sizes are equal here. It specializes on one row, on one image, and on
prompts that need an attention mask.
"""

import logging

import torch
from PIL import Image

from generation.engine.checkpoints.catalogue import Checkpoint
from generation.engine.diffusion.families.pipeline import Pipeline
from generation.engine.diffusion.run import Run
from generation.engine.enums import Mode
from generation.engine.request import GenerationRequest

logger = logging.getLogger(__name__)

_LARGEST_SIDE = 1024
_SOME_SHA256 = "0" * 64
_SHORT, _LONG = "a house", "a house beside a river " * 20


@torch.inference_mode()
def warm_up(pipeline: Pipeline, checkpoint: Checkpoint) -> None:
    """Take steps and decode, once for each kind of input that the compiler tells apart.

    If memory runs out, log it and leave the rest to the first users.
    """
    try:
        unguided, guided, longer = _runs(pipeline, checkpoint)
        for runs in ([unguided], [guided], [guided, longer]):
            if len({run.batch_key for run in runs}) == 1:
                pipeline.denoise(runs)
        for pictures in (guided.latents, torch.cat([guided.latents, longer.latents])):
            pipeline.decode(pictures)
    except torch.OutOfMemoryError:
        logger.warning("%s was not warmed up: it does not fit now", checkpoint.id)


def _runs(pipeline: Pipeline, checkpoint: Checkpoint) -> list[Run]:
    guided = max(checkpoint.guidance_scale, 2.0)
    requests = [
        _request(checkpoint, prompt=prompt, guidance_scale=guidance_scale)
        for prompt, guidance_scale in ((_SHORT, 1.0), (_SHORT, guided), (_LONG, guided))
    ]
    size = (requests[0].width, requests[0].height)
    pictures = {
        name: Image.new("L" if name == "mask" else "RGB", size, "white")
        for name in requests[0].mode.pictures
    }
    return [
        pipeline.prepare(request, prompting, pictures)
        for request, prompting in zip(requests, pipeline.encode(requests), strict=True)
    ]


def _request(checkpoint: Checkpoint, *, prompt: str, guidance_scale: float) -> GenerationRequest:
    """Return a request in the checkpoint's first mode, neither square nor large."""
    mode = next(mode for mode in Mode if mode in checkpoint.modes)
    side = min(checkpoint.native_size, _LARGEST_SIDE)
    room = (side - checkpoint.min_size) // 2 // checkpoint.multiple * checkpoint.multiple
    step = max(min(checkpoint.shape_multiple, room), checkpoint.multiple)
    return GenerationRequest.usual(
        checkpoint,
        prompt=prompt,
        mode=mode,
        width=max(side - step, checkpoint.min_size),
        height=max(side - 2 * step, checkpoint.min_size),
        guidance_scale=guidance_scale,
        **dict.fromkeys(mode.pictures, _SOME_SHA256),
    )
