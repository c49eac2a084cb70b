"""G7: bytes of a preview, and delivery to a slow reader."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from statistics import mean, median

from tests.bench.figures import Figure, measures
from tests.bench.people import Wait
from tests.bench.site import crowd, running_site
from tests.bench.throttle import slow_line
from tests.bench.trials import interleaved
from tests.bench.wishes import SKETCHBOOK, wish

# ComfyUI's preview of a picture of OTHERS_SIZE pixels.
OTHERS_BYTES = 105_600
OTHERS_SIZE = 512
SIZES = (OTHERS_SIZE, SKETCHBOOK.native_size)
SLOW_BYTES_A_SECOND = 50_000
STEPS = 20
ROUNDS = 3


@measures("G7")
def frames() -> Iterator[Figure]:
    """Bytes of a preview over ComfyUI's at 512 px; until one at 50 kB/s is told of the picture, or has it, over a fast one."""
    site = running_site()
    fast, slow = crowd()[:2]
    with ExitStack() as stack:
        port = stack.enter_context(slow_line(site.port, bytes_a_second=SLOW_BYTES_A_SECOND))
        stack.enter_context(slow.moved_to(port))
        for person in (fast, slow):
            stack.enter_context(person.watching())
        for size in SIZES:
            fast.frame_bytes.clear()
            fast.make(wish(0, size=size, num_inference_steps=STEPS))
            yield _weight(fast.frame_bytes, size)
        request = wish(0, num_inference_steps=STEPS)
        fast_waits, slow_waits = interleaved(
            lambda: fast.make(request), lambda: slow.make(request), rounds=ROUNDS
        )
    yield from _slow(fast_waits, slow_waits)


def _weight(frames: Sequence[int], size: int) -> Figure:
    """A preview grows with its picture: only that of OTHERS_SIZE stands beside the other's."""
    return Figure(
        name=f"G7_bytes_at_{size}px",
        value=mean(frames) / OTHERS_BYTES,
        unit=f"times, {mean(frames):.0f} bytes, {len(frames)} previews",
        goal="<= 0.04" if size == OTHERS_SIZE else "no goal",
    )


def _slow(fast: Sequence[Wait], slow: Sequence[Wait]) -> Iterator[Figure]:
    """The second has the picture's own way over the slow line in it, which no site can spare its reader."""
    yield Figure(
        name="G7_slow_told",
        value=median(wait.told for wait in slow) / median(wait.told for wait in fast),
        unit="times",
        goal="<= 1.05",
    )
    own = median(wait.picture_bytes for wait in slow)
    yield Figure(
        name="G7_slow_picture",
        value=median(wait.picture for wait in slow) / median(wait.picture for wait in fast),
        unit=f"times, {own / SLOW_BYTES_A_SECOND:.2f} s of it for a picture of {own:.0f} bytes",
        goal="<= 1.05",
    )
