"""Base class of all pipelines: a denoiser that works on a VAE's latents."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

import torch
from torch import Tensor

from generation.engine.diffusion.conditioning import Conditioning, Prompting
from generation.engine.diffusion.cuda_graphs import Arguments, GraphedModel, Model
from generation.engine.diffusion.families import initial_latents
from generation.engine.diffusion.families.clip_text import Prompt
from generation.engine.diffusion.families.initial_latents import (
    InitialLatents,
    InputImages,
    LatentsContext,
)
from generation.engine.diffusion.families.row_packing import in_chunks, without_none
from generation.engine.diffusion.families.vae import Vae
from generation.engine.diffusion.noise_schedule import NoiseSchedule, ScheduleRange
from generation.engine.diffusion.run import PreservedRegion, Run
from generation.engine.diffusion.tiling import Tiling
from generation.engine.request import GenerationRequest
from generation.engine.request.prompt_length import USUAL_PIECES

# Rows of one forward pass at most. Only the tiles or drafts of one run may be more: they take several passes.
MAX_ROWS = 16
Embedded: TypeAlias = Mapping[Prompt, Mapping[str, Tensor]]


class LatentPipeline:
    """A loaded checkpoint; subclasses encode prompts and denoise.

    `forward` calls the denoiser and may be wrapped in a `GraphedModel`.
    """

    def __init__(
        self, *, checkpoint_id: str, denoiser: Any, vae: Vae, scheduler_config: Mapping[str, Any]
    ) -> None:
        self.checkpoint_id = checkpoint_id
        self.version = ""
        self.denoiser = denoiser
        self.forward: Model = self._forward
        self.vae = vae
        self.scheduler_config = dict(scheduler_config)
        self.most_rows = MAX_ROWS
        self.device: torch.device = denoiser.device
        self.dtype: torch.dtype = denoiser.dtype
        self.latent_channels = vae.channels
        self.vae_scale_factor = vae.scale_factor

    def encode(self, requests: Sequence[GenerationRequest]) -> list[Prompting]:
        """Run the text encoders once over all distinct prompts; return one prompting a request, in order."""
        by_step = [request.texts_by_step for request in requests]
        prompts = {
            prompt: None
            for request, pairs in zip(requests, by_step, strict=True)
            for pair in dict.fromkeys(pairs)
            for prompt in prompts_of(request, pair)[: request.passes]
        }
        embedded = self._embed(list(prompts))
        return [
            self._prompting(request, pairs, embedded)
            for request, pairs in zip(requests, by_step, strict=True)
        ]

    def prepare(
        self,
        request: GenerationRequest,
        prompting: Prompting,
        inputs: InputImages,
        *,
        carried: Tensor | None = None,
    ) -> Run:
        """Return the run before its first step.

        `carried` are latents from a base model, which this one, its refiner, goes on with.
        """
        schedule = self._schedule(request, is_refiner=carried is not None)
        generators = [torch.Generator().manual_seed(seed) for seed in request.seeds]
        if carried is None:
            context = self._context(request, inputs, schedule)
            started = [
                self._initial_latents(replace(context, subseed=subseed), generator)
                for generator, subseed in zip(generators, request.subseeds, strict=True)
            ]
        else:
            started = [InitialLatents(latents=carried.to(self.device))]
        tiling = self._tiling(request)
        is_refiner = carried is not None
        steps_before = request.num_inference_steps - schedule.denoising_steps if is_refiner else 0
        run = Run(
            request=request,
            prompting=prompting,
            schedule=schedule,
            latents=torch.cat([start.latents for start in started]),
            generators=generators,
            channels=_cat([start.channels for start in started]),
            preserved=_preserved(started),
            tiling=tiling,
            steps_before=steps_before,
        )
        run.batch_key = self._batch_key(run)
        return run

    def decode(self, latents: Tensor) -> Tensor:
        """Return pixels (n, 3, height, width), about 0 to 1 and not clamped, of finished latents."""
        return self.vae.decode(latents, release_memory=self._release_memory)

    def capture(self) -> None:
        """Capture the last forward pass as a CUDA graph, if it is due. Cheap to call after every pass."""
        if isinstance(self.forward, GraphedModel):
            self.forward.capture()

    def encode_images(self, pixels: Tensor) -> Tensor:
        """Return the latents of pixels (n, 3, height, width), 0 to 1: the distribution's mode."""
        return self.vae.encode(pixels * 2 - 1)

    def _embed(self, prompts: Sequence[Prompt]) -> Embedded:
        """Run the text encoders; return the denoiser's arguments that follow from each prompt alone."""
        raise NotImplementedError

    def _prompting(
        self, request: GenerationRequest, by_step: Sequence[tuple[str, str]], embedded: Embedded
    ) -> Prompting:
        numbers = {pair: number for number, pair in enumerate(dict.fromkeys(by_step))}
        versions = [
            self._conditioning(request, *prompts_of(request, pair), embedded) for pair in numbers
        ]
        return Prompting(versions=versions, by_step=[numbers[pair] for pair in by_step])

    def _conditioning(
        self, request: GenerationRequest, prompt: Prompt, negative: Prompt, embedded: Embedded
    ) -> Conditioning:
        return Conditioning(
            positive=embedded[prompt],
            negative=embedded[negative] if request.passes == 2 else None,
        )

    def _batch_key(self, run: Run) -> Hashable:
        """Return a key that is equal for runs that can share a forward pass.

        It holds checkpoint, shape of a row and precision. A request for an exact image shares with none,
        because other batch sizes round differently. A very long prompt shares with its like: others would be
        padded to it, and pay for that.
        """
        checkpoint = (self.checkpoint_id, self.version)
        row = tuple(run.model_input().shape[1:])
        alone = id(run) if run.request.exact else None
        return (checkpoint, row, self.dtype, alone, _length_class(run.request))

    def _schedule(self, request: GenerationRequest, *, is_refiner: bool) -> NoiseSchedule:
        return NoiseSchedule(
            request.noise_scheduler,
            config=self.scheduler_config,
            steps=request.num_inference_steps,
            sigma_schedule=request.sigma_schedule,
            schedule_range=self._schedule_range(request, is_refiner=is_refiner),
            mu=self._shift(request),
            eta=request.eta,
        )

    def _schedule_range(
        self, request: GenerationRequest, *, is_refiner: bool
    ) -> ScheduleRange | None:
        if request.refiner_share:
            train_timesteps = self.scheduler_config.get("num_train_timesteps", 1000)
            cutoff = round(request.refiner_share * train_timesteps)
            return ScheduleRange(below=cutoff) if is_refiner else ScheduleRange(until=cutoff)
        return ScheduleRange(begin=request.first_step) if request.mode.has_picture else None

    def _shift(self, request: GenerationRequest) -> float | None:
        return None

    def _context(
        self, request: GenerationRequest, inputs: InputImages, schedule: NoiseSchedule
    ) -> LatentsContext:
        return LatentsContext(
            request=request,
            inputs=inputs,
            schedule=schedule,
            vae=self.vae,
            model_channels=int(self.denoiser.config["in_channels"]),
        )

    def _predict(self, arguments: Mapping[str, Tensor | None]) -> Tensor:
        """Return the denoiser's output for all rows."""
        return in_chunks(self.forward, without_none(arguments), rows=self.most_rows)

    def _release_memory(self) -> None:
        """Drop CUDA graphs, which only save time."""
        if isinstance(self.forward, GraphedModel):
            self.forward.release_memory()

    def _forward(self, arguments: Arguments) -> Tensor:
        """Call the denoiser; the arguments have its own parameters' names."""
        output: Tensor = self.denoiser(**arguments, return_dict=False)[0]
        return output

    def _initial_latents(
        self, context: LatentsContext, generator: torch.Generator
    ) -> InitialLatents:
        return initial_latents.prepare(context, generator)

    def _tiling(self, request: GenerationRequest) -> Tiling | None:
        return None


def prompts_of(request: GenerationRequest, pair: tuple[str, str]) -> tuple[Prompt, Prompt]:
    """Return prompt and negative prompt of a step.

    As in AUTOMATIC1111's web UI, clip skip concerns both; diffusers' pipelines skip layers of the first alone.
    """
    return Prompt(pair[0], request.clip_skip), Prompt(pair[1], request.clip_skip)


def _preserved(started: Sequence[InitialLatents]) -> PreservedRegion | None:
    """Return the region that masked blending preserves; None for runs without blending."""
    original = _cat([start.original for start in started])
    noise = _cat([start.noise for start in started])
    mask = started[0].mask
    if original is None or noise is None or mask is None:
        return None
    return PreservedRegion(latents=original, noise=noise, mask=mask)


def _cat(tensors: Sequence[Tensor | None]) -> Tensor | None:
    present = [tensor for tensor in tensors if tensor is not None]
    return torch.cat(present) if present else None


def _length_class(request: GenerationRequest) -> int:
    """Return 0 for a prompt of a usual length, else its pieces as a power of two."""
    pieces = request.prompt_pieces
    return pieces.bit_length() if pieces > USUAL_PIECES else 0
