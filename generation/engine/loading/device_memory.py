"""Memory budget of a device for checkpoints, in bytes."""

import os
from pathlib import Path

import torch

# The rest is for activations and, on the host, for other processes.
_SHARE_OF_DEVICE = 0.75
_SHARE_OF_HOST = 0.5
# Memory limits of a container, in versions 2 and 1 of control groups.
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
    """Return the memory limit of this process: the machine's, or the container's if lower."""
    whole = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return min([whole, *(limit for path in _LIMITS if (limit := _read(path)))])


def _read(path: Path) -> int | None:
    """Return a limit in bytes; None if the file is missing or holds no number, as in `max`."""
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return None
