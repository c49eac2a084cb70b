"""Tickets and runs built by hand, for tests of the loop's parts without an engine around them."""

from collections.abc import Hashable
from typing import Any

import torch

from generation.engine.checkpoints import catalogue
from generation.engine.diffusion.conditioning import Conditioning, Prompting
from generation.engine.diffusion.noise_schedule import NoiseSchedule
from generation.engine.diffusion.run import Run
from generation.engine.loop.ticket import Ticket
from generation.engine.request import GenerationRequest
from tests.engine.driving import a_request

CHANNELS = 4
CELL = 2


def a_conditioning(*, tokens: int = 3, value: float = 1.0, guided: bool = True) -> Conditioning:
    """Return text embeddings (1, tokens, 2) of one value; its negative for the negative prompt."""
    hidden = torch.full((1, tokens, 2), value)
    negative = {"encoder_hidden_states": -hidden} if guided else None
    return Conditioning(positive={"encoder_hidden_states": hidden}, negative=negative)


def a_run(
    request: GenerationRequest | None = None, *, batch_key: Hashable = "key", **options: Any
) -> Run:
    """Return a run before its first step whose latents are its images' numbers, counted from 1."""
    request = request or a_request()
    count, height, width = request.num_images, request.height // CELL, request.width // CELL
    numbers = torch.arange(1.0, count + 1).view(count, 1, 1, 1)
    return Run(
        request=request,
        prompting=Prompting.constant(
            options.pop("conditioning", a_conditioning(guided=request.passes == 2))
        ),
        schedule=NoiseSchedule(
            request.noise_scheduler, config={}, steps=request.num_inference_steps
        ),
        latents=numbers.expand(count, CHANNELS, height, width).clone(),
        generators=[torch.Generator().manual_seed(seed) for seed in request.seeds],
        batch_key=batch_key,
        **options,
    )


def a_ticket(
    key: str = "ticket", *, request: GenerationRequest | None = None, **terms: Any
) -> Ticket:
    """Return a ticket that has just been submitted."""
    request = request or a_request()
    return Ticket(
        key=key,
        request=request,
        checkpoint=catalogue.get(request.checkpoint),
        **{
            "inputs": {},
            "weight": 1,
            "budget_us": None,
            "deadline": None,
            "wants_preview": lambda: False,
            **terms,
        },
    )


def an_encoded_ticket(
    key: str = "ticket", *, batch_key: Hashable = "key", **options: Any
) -> Ticket:
    """Return a ticket whose run waits for its first step."""
    ticket = a_ticket(key, **options)
    ticket.run = a_run(ticket.request, batch_key=batch_key)
    return ticket
