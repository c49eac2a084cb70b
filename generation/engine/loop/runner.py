"""Model runner: encodes, denoises and decodes for several tickets of one checkpoint at once."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import torch
from PIL import Image
from torch import Tensor

from generation.engine.diffusion.families.pipeline import Pipeline
from generation.engine.diffusion.preview import to_images
from generation.engine.diffusion.run import Run
from generation.engine.loading.loader import Loaded
from generation.engine.loop.isolation import BatchResult, run_isolated
from generation.engine.loop.meter import Meter
from generation.engine.loop.ticket import PendingImage, Ticket

Item = TypeVar("Item", Ticket, PendingImage)
Result = TypeVar("Result")


@dataclass
class Stats:
    """Totals for metrics: forward passes, their rows, and microseconds of device time by phase."""

    steps: int = 0
    rows: int = 0
    us: Counter[str] = field(default_factory=Counter)


class ModelRunner:
    """Runs the device's work and adds its device time to `stats`.

    All items of one call must hold the same checkpoint. An item that fails is reported in the
    result and fails no other. Not thread-safe: the engine's loop owns it.
    """

    def __init__(self, device: torch.device) -> None:
        self.stats = Stats()
        self._meter = Meter(device)

    def encode(self, tickets: Sequence[Ticket]) -> BatchResult[Ticket, Run | None]:
        """Encode prompts and input images; each result is a run before its first step.

        None for a prompt whose embedding is not finite: all of its steps would be in vain.
        """
        return self._run(
            "encode", _encode, tickets, share=lambda ticket: ticket.request.text_pieces
        )

    def denoise(self, tickets: Sequence[Ticket]) -> BatchResult[Ticket, Exception | None]:
        """Take one step of every run; each result is the error of its noise scheduler, or None."""
        self.stats.steps += 1
        self.stats.rows += sum(ticket.request.rows for ticket in tickets)
        pipeline = _loaded(tickets).pipeline
        result = self._run("step", _denoise, tickets, share=lambda ticket: ticket.request.work)
        # Outside the measured span, so that nobody pays for a capture.
        pipeline.capture()
        return result

    def decode(
        self, pending: Sequence[PendingImage]
    ) -> BatchResult[PendingImage, Image.Image | None]:
        """Decode finished latents; a result is None where the image is not finite."""
        return self._run("decode", _decode, pending, share=lambda _: 1)

    def preview(self, tickets: Sequence[Ticket]) -> BatchResult[Ticket, Image.Image | None]:
        """Preview the first image of each ticket; a result is None where it is not finite."""
        return self._run("preview", _preview, tickets, share=lambda _: 1)

    def preview_all(
        self, tickets: Sequence[Ticket]
    ) -> BatchResult[Ticket, list[Image.Image | None]]:
        """Preview every image of each ticket; None stands for one that is not finite."""
        return self._run("preview", _preview_all, tickets, share=lambda _: 1)

    def _run(
        self,
        phase: str,
        work: Callable[[Sequence[Item]], Sequence[Result]],
        items: Sequence[Item],
        *,
        share: Callable[[Item], int],
    ) -> BatchResult[Item, Result]:
        if not items:
            return BatchResult()
        result = run_isolated(work, items, meter=self._meter, share=share)
        self.stats.us[phase] += result.us
        return result


def _encode(tickets: Sequence[Ticket]) -> list[Run | None]:
    pipeline = _loaded(tickets).pipeline
    promptings = pipeline.encode([ticket.request for ticket in tickets])
    # One wait for the device, whatever the number of prompts.
    finite = torch.stack([each.is_finite() for each in promptings]).tolist()
    return [
        pipeline.prepare(ticket.request, prompting, ticket.inputs, carried=ticket.carried)
        if is_finite
        else None
        for ticket, prompting, is_finite in zip(tickets, promptings, finite, strict=True)
    ]


def _denoise(tickets: Sequence[Ticket]) -> list[Exception | None]:
    # Only the shared forward pass may raise, before any run has moved: `run_isolated` repeats it.
    runs = [_run_of(ticket) for ticket in tickets]
    predictions = _loaded(tickets).pipeline.denoise(runs)
    return [_advance(run, prediction) for run, prediction in zip(runs, predictions, strict=True)]


def _advance(run: Run, prediction: Tensor) -> Exception | None:
    try:
        run.advance(prediction)
    except Exception as error:  # noqa: BLE001  # any error of a noise scheduler is its own run's
        return error
    return None


def _decode(pending: Sequence[PendingImage]) -> list[Image.Image | None]:
    latents = [image.run.latents[image.index : image.index + 1] for image in pending]
    pipeline: Pipeline = _loaded([image.ticket for image in pending]).pipeline
    return to_images(pipeline.decode(torch.cat(latents)))


def _preview(tickets: Sequence[Ticket]) -> list[Image.Image | None]:
    clean = torch.cat([_run_of(ticket).predicted_clean(images=1) for ticket in tickets])
    return _loaded(tickets).projection(clean)


def _preview_all(tickets: Sequence[Ticket]) -> list[list[Image.Image | None]]:
    project = _loaded(tickets).projection
    return [
        project(_run_of(ticket).predicted_clean(images=ticket.request.num_images))
        for ticket in tickets
    ]


def _loaded(tickets: Sequence[Ticket]) -> Loaded:
    assert tickets[0].loaded is not None
    return tickets[0].loaded


def _run_of(ticket: Ticket) -> Run:
    assert ticket.run is not None
    return ticket.run
