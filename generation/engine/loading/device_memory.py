"""How much memory a device has for checkpoints."""

import os
from pathlib import Path

import torch

# What denoising and decoding need beside the weights: a share of a device of its own, and on the host
# also what the rest of the machine needs.
_SHARE_OF_DEVICE = 0.75
_SHARE_OF_HOST = 0.5
# Where Linux says what a container may use, in either version of control groups.
_LIMITS = (
    Path("/sys/fs/cgroup/memory.max"),
    Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
)


def budget_bytes(device: torch.device) -> int:
    """Return how many bytes of weights may stay in the device's memory."""
    if device.type == "cuda":
        return int(torch.cuda.get_device_properties(device).total_memory * _SHARE_OF_DEVICE)
    if device.type == "mps":
        return int(torch.mps.recommended_max_memory() * _SHARE_OF_DEVICE)
    return int(host_bytes() * _SHARE_OF_HOST)


def host_bytes() -> int:
    """Return the memory that this process can have at most: the machine's, or its container's."""
    whole = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return min([whole, *(limit for path in _LIMITS if (limit := _read(path)))])


def _read(path: Path) -> int | None:
    """Return a limit; None where there is none, or it is no number: `max`."""
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return None
