"""Full-size checkpoints with random weights: their cost, and the gain of shared steps."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from statistics import median

from generation.engine.checkpoints import catalogue
from generation.engine.checkpoints.checkpoint import Checkpoint
from generation.engine.enums import NoiseScheduler
from generation.engine.loading.loader import Loader, pick_device
from generation.engine.loading.optimizations import Optimizations
from generation.engine.loop.engine import Engine
from generation.engine.request import GenerationRequest
from tests.bench import fullsize
from tests.bench.admission import arrivals
from tests.bench.bare import Bare
from tests.bench.coldstart import first_step, ratio
from tests.bench.continuous import continuous_and_static, mixed_over_alone, shared_wait_over_fifo
from tests.bench.engines import Make, draw
from tests.bench.figures import Figure, measures
from tests.bench.sharing import gain
from tests.bench.wishes import wish


@dataclass(frozen=True, kw_only=True)
class Geometry:
    """A checkpoint, what it is asked for, and what a large GPU should do with it; None is no goal.

    `small` is the size of the small pictures among its own, if it is asked for both.
    """

    id: str
    size: int
    steps: int
    rounds: int
    minute_goal: int
    share_goal: float | None = None
    admission_goal_ms: int | None = None
    small: int | None = None

    @property
    def checkpoint(self) -> Checkpoint:
        return catalogue.get(self.id)

    def make(self, number: int, **changes: object) -> GenerationRequest:
        """Job number n, with guidance."""
        values = {
            "checkpoint": self.id,
            "size": self.size,
            "num_inference_steps": self.steps,
            "noise_scheduler": NoiseScheduler(self.checkpoint.noise_scheduler),
        }
        return wish(number, **values | changes)


SD1 = Geometry(
    id="sd-1.5",
    size=512,
    steps=20,
    rounds=3,
    minute_goal=700,
    share_goal=3.0,
    admission_goal_ms=60,
    small=256,
)
SDXL = Geometry(id="sdxl-1.0", size=1024, steps=20, rounds=1, minute_goal=100, share_goal=1.6)
SD3 = Geometry(id="sd-3", size=1024, steps=28, rounds=1, minute_goal=55)

GPU_USERS = 8
# Of each size in a mix.
GPU_MIXED = 6
GPU_OPTIMIZATIONS = Optimizations(compiled=True, channels_last=True)
# On a processor a step of these takes from ten seconds to minutes.
FEW_STEPS = 2
CPU_USERS = 2
CPU_MIXED = 1


def figure(
    measurement: str, geometry: Geometry, name: str, value: float, unit: str, goal: str
) -> Figure:
    """The figure that a measurement calls so, of this checkpoint."""
    return Figure(name=f"{measurement}_{geometry.id}_{name}", value=value, unit=unit, goal=goal)


_figure = partial(figure, "fullshare")


def on_gpu() -> bool:
    """Return True on a machine with CUDA."""
    return pick_device().type == "cuda"


@measures("fullsize")
def full_size() -> Iterator[Figure]:
    """Loading and two steps with guidance in a fresh process, random weights in the geometry of the real checkpoint."""
    for geometry in (SD1, SDXL, SD3) if on_gpu() else (SD1, SDXL):
        fullsize.write(geometry.id)
        start = first_step(
            root=fullsize.root(),
            checkpoint=geometry.id,
            size=geometry.size,
            num_inference_steps=FEW_STEPS + 1,
            noise_scheduler=geometry.checkpoint.noise_scheduler,
        )
        name = f"fullsize_{geometry.id}_{geometry.size}px"
        yield Figure(name=f"{name}_load", value=start["load"], unit="s", goal="no goal")
        yield Figure(name=f"{name}_step", value=start["warm_step"], unit="s", goal="no goal")
        yield Figure(name=f"{name}_memory", value=start["peak_gib"], unit="GiB", goal="<= 24")
        yield Figure(name=f"{name}_G13", value=ratio(start), unit="times", goal="<= 1.5")
        goal = "<= 4" if on_gpu() and geometry is SDXL else "no goal"
        yield Figure(name=f"{name}_first_step", value=start["first_step"], unit="s", goal=goal)


@measures("fullshare")
def full_share() -> Iterator[Figure]:
    """G2, G3, G4 and G14 in full geometry; on a processor two jobs of Stable Diffusion 1.5, 512 pixels and two steps."""
    if not on_gpu():
        yield from share_on_cpu()
        return
    for geometry in (SD1, SDXL, SD3):
        yield from share_on_gpu(geometry)


def share_on_cpu() -> Iterator[Figure]:
    """Measure the gain of shared steps for Stable Diffusion 1.5 on a CPU."""
    large: Make = partial(SD1.make, num_inference_steps=FEW_STEPS)
    with _both_sides(SD1, Optimizations()) as (engine, bare):
        value = gain(engine, [large(number) for number in range(CPU_USERS)], bare.draw, rounds=1)
        yield _figure(SD1, "G2", value, "times", ">= 0.97")
        load = continuous_and_static(engine, bare, large, users=CPU_USERS, rounds=1)
        yield _figure(SD1, "G3", load.gain, "times", ">= 0.95")
        yield from _mixed(SD1, engine, bare, large, count=CPU_MIXED)


def share_on_gpu(geometry: Geometry) -> Iterator[Figure]:
    """Measure the gain of shared steps for a checkpoint on a GPU."""
    with _both_sides(geometry, GPU_OPTIMIZATIONS) as (engine, bare):
        make, rounds = geometry.make, geometry.rounds
        if geometry.share_goal:
            requests = [make(number) for number in range(GPU_USERS)]
            value = gain(engine, requests, bare.draw, rounds=rounds)
            yield _figure(geometry, "G2", value, "times", f">= {geometry.share_goal}")
        load = continuous_and_static(engine, bare, make, users=GPU_USERS, rounds=rounds)
        yield _figure(geometry, "G3", load.gain, "times", ">= 0.95")
        goal = f">= {geometry.minute_goal}"
        yield _figure(geometry, "G3_minute", load.pictures_a_minute, "pictures a minute", goal)
        if geometry.admission_goal_ms:
            wait = 1_000 * median(arrival.wait for arrival in arrivals(engine, make))
            yield _figure(geometry, "G4", wait, "ms", f"<= {geometry.admission_goal_ms}")
        if geometry.small:
            yield from _mixed(geometry, engine, bare, make, count=GPU_MIXED)


@contextmanager
def _both_sides(geometry: Geometry, optimizations: Optimizations) -> Iterator[tuple[Engine, Bare]]:
    """An engine that has the checkpoint in memory, and a bare pipeline of it."""
    fullsize.write(geometry.id)
    with closing(Loader(fullsize.root(), optimizations=optimizations)) as loader:
        engine = Engine(loader=loader)
        draw(engine, [geometry.make(0, num_inference_steps=1)])
        yield engine, Bare(geometry.id, fullsize.root())


def _mixed(
    geometry: Geometry, engine: Engine, bare: Bare, make: Make, *, count: int
) -> Iterator[Figure]:
    assert geometry.small
    small = [make(number, size=geometry.small) for number in range(count)]
    large = [make(number) for number in range(count)]
    value = mixed_over_alone(engine, small, large, rounds=1)
    yield _figure(geometry, "G14_throughput", value, "times", ">= 0.95")
    line = [*large, *small]
    value = shared_wait_over_fifo(engine, bare, line, small=geometry.small, rounds=1)
    yield _figure(geometry, "G14_small_p95", value, "times", "<= 0.5")
