"""Time of a fresh process to its first step: `python -m tests.bench.firststep REQUEST`, in JSON."""

# ruff: noqa: E402  # The clock starts before the imports that it measures.
import json
import resource
import sys
import time

STARTED = time.perf_counter()

from pathlib import Path

import torch
from safetensors.torch import load_file

from generation.engine.checkpoints import catalogue
from generation.engine.events import Stepped
from generation.engine.loading.loader import Loader, pick_device
from generation.engine.loop.engine import Engine
from tests.bench.engines import load, new_key, turn
from tests.bench.wishes import wish


def main() -> None:
    asked = json.loads(sys.argv[1])
    root = Path(asked["root"]) if asked["root"] else None
    request = wish(0, **asked["wish"])
    device = pick_device()
    torch.zeros(1, device=device)
    imported = time.perf_counter()
    folder = catalogue.folder(catalogue.get(request.checkpoint), root)
    for _ in range(2):
        # The first time brings the files into the system's cache.
        began = time.perf_counter()
        for path in folder.rglob("*.safetensors"):
            for tensor in load_file(path).values():
                tensor.to(device, copy=True)
        read = time.perf_counter() - began

    began = time.perf_counter()
    loader = Loader(root)
    loaded = load(loader, request.checkpoint)
    engine = Engine(loader=loader)
    engine.submit(request, key=new_key())
    steps: list[float] = []
    # Two of more: the turn that takes the last one decodes, too.
    while len(steps) < 2:
        steps += [
            time.perf_counter() - began for event in turn(engine) if isinstance(event, Stepped)
        ]
    if device.type == "cuda":
        peak_bytes = torch.cuda.max_memory_reserved(device)
    else:
        peak_bytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(
        json.dumps(
            {
                "imports": imported - STARTED,
                "read": read,
                "load": loaded.load_us / 1e6,
                "first_step": steps[0],
                "warm_step": steps[1] - steps[0],
                "peak_gib": peak_bytes / 2**30,
            }
        )
    )


if __name__ == "__main__":
    main()
