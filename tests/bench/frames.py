"""G7: what a preview weighs, and that a slow reader's picture is not later for it."""

from collections.abc import Iterator
from contextlib import ExitStack
from statistics import mean, median

from tests.bench.figures import Figure, measures
from tests.bench.site import crowd, running_site
from tests.bench.throttle import slow_line
from tests.bench.trials import interleaved
from tests.bench.wishes import wish

# ComfyUI's preview of a picture of 512 pixels.
OTHERS_BYTES = 105_600
SLOW_BYTES_A_SECOND = 50_000
STEPS = 150
ROUNDS = 5


@measures("G7")
def frames() -> Iterator[Figure]:
    """Bytes of a preview over ComfyUI's at 512 px; until one at 50 kB/s is told that the picture is there, over a fast one."""
    site = running_site()
    fast, slow = crowd()[:2]
    request = wish(0, num_inference_steps=STEPS)
    with ExitStack() as stack:
        port = stack.enter_context(slow_line(site.port, bytes_a_second=SLOW_BYTES_A_SECOND))
        stack.enter_context(slow.moved_to(port))
        for person in (fast, slow):
            stack.enter_context(person.watching())
        fast.make(request)
        fast_seconds, slow_seconds = interleaved(
            lambda: fast.make(request).told, lambda: slow.make(request).told, rounds=ROUNDS
        )
    weights = fast.frame_bytes
    yield Figure(
        name="G7_bytes",
        value=mean(weights) / OTHERS_BYTES,
        unit=f"times, {mean(weights):.0f} bytes, {len(weights)} previews",
        goal="<= 0.04",
    )
    yield Figure(
        name="G7_slow",
        value=median(slow_seconds) / median(fast_seconds),
        unit="times",
        goal="<= 1.05",
    )
