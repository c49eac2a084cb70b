"""The worker's device: its engine, its loader, and the name under which estimates are learned."""

import os
from dataclasses import dataclass

import torch
from django.conf import settings

from generation.engine.loading import device_memory
from generation.engine.loading.loader import Loader, pick_device
from generation.engine.loading.optimizations import Attention, Optimizations
from generation.engine.loop.batch_limit import BatchLimit
from generation.engine.loop.engine import Engine
from generation.worker import device_lock

# Finished pictures keep their states after these shares of their steps.
KEPT_SHARES = (0.25, 0.5, 0.75)


@dataclass(frozen=True, kw_only=True)
class Device:
    """One device with its engine and loader. `name` is that of its kind; see `device_name`."""

    engine: Engine
    loader: Loader
    name: str


def from_settings() -> tuple[Engine, Loader]:
    """An engine and a loader for this machine's device, as the settings describe them.

    Raises DeviceTaken on a GPU that another worker uses; a CPU may be shared.
    """
    device = pick_device()
    if device.type == "cuda":
        device_lock.take(str(torch.cuda.get_device_properties(device).uuid))
    loader = Loader(
        settings.CHECKPOINTS_DIR,
        device=device,
        budget_bytes=settings.WORKER_WARM_BYTES or device_memory.budget_bytes(device),
        optimizations=Optimizations(
            precision=settings.WORKER_DTYPE or None,
            channels_last=settings.WORKER_CHANNELS_LAST,
            compiled=settings.WORKER_COMPILE,
            cuda_graphs=settings.WORKER_GRAPHS,
            attention=Attention(settings.WORKER_ATTENTION),
            most_rows=settings.WORKER_MAX_ROWS,
        ),
    )
    engine = Engine(
        loader=loader,
        batch_limit=BatchLimit(maximum=settings.WORKER_MAX_ROWS),
        preview_interval=settings.PREVIEW_INTERVAL_SECONDS,
        save_interval=settings.SAVE_INTERVAL_SECONDS,
        kept_shares=KEPT_SHARES,
    )
    return engine, loader


def device_name(device: torch.device) -> str:
    """The name of the device's kind: all devices of a kind share their estimates."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{device.type} {os.cpu_count()} cores" if device.type == "cpu" else device.type
