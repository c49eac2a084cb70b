"""The three kinds of device work of a turn, each for several tickets of one checkpoint at once."""

from collections.abc import Sequence

import torch
from PIL import Image
from torch import Tensor

from generation.engine.diffusion.families import Pipeline
from generation.engine.diffusion.preview import to_images
from generation.engine.diffusion.run import Run
from generation.engine.loop.ticket import Picture, Ticket


def encode(tickets: Sequence[Ticket]) -> list[Run]:
    """Encode the prompts and input pictures; return each ticket's run before its first step."""
    pipeline = _pipeline(tickets)
    requests = [ticket.request for ticket in tickets]
    conditionings = pipeline.encode(requests)
    return [
        pipeline.prepare(ticket.request, conditioning, ticket.inputs, carried=ticket.carried)
        for ticket, conditioning in zip(tickets, conditionings, strict=True)
    ]


def denoise(tickets: Sequence[Ticket]) -> list[Exception | None]:
    """Take one step of every run; return for each the error that its noise scheduler raised.

    Only the shared forward pass raises, and before any run has moved: so it can be tried again.
    """
    runs = [_run(ticket) for ticket in tickets]
    predictions = _pipeline(tickets).denoise(runs)
    return [_advance(run, prediction) for run, prediction in zip(runs, predictions, strict=True)]


def decode(pictures: Sequence[Picture]) -> list[Image.Image | None]:
    """Return the pictures from their finished latents; None in place of one that is not finite."""
    latents = [picture.run.latents[picture.index : picture.index + 1] for picture in pictures]
    pipeline = _pipeline([picture.ticket for picture in pictures])
    return to_images(pipeline.decode(torch.cat(latents)))


def preview(tickets: Sequence[Ticket]) -> list[Image.Image | None]:
    """Return a preview of each ticket's first picture; None where it is not finite."""
    assert tickets[0].loaded is not None
    clean = torch.cat([_run(ticket).predicted_clean() for ticket in tickets])
    return tickets[0].loaded.projection(clean)


def _advance(run: Run, prediction: Tensor) -> Exception | None:
    try:
        run.advance(prediction)
    except Exception as error:  # noqa: BLE001  # whatever it is, it is the run's
        return error
    return None


def _pipeline(tickets: Sequence[Ticket]) -> Pipeline:
    assert tickets[0].loaded is not None
    return tickets[0].loaded.pipeline


def _run(ticket: Ticket) -> Run:
    assert ticket.run is not None
    return ticket.run
