"""Checkpoints of full size, with random weights: what they take, and what sharing steps brings there."""

from collections.abc import Iterator
from functools import partial

from generation.engine.engine import Engine
from generation.engine.loader import Loader
from tests.bench import fullsize
from tests.bench.bare import Bare
from tests.bench.coldstart import first_step, ratio
from tests.bench.continuous import continuous_over_static, mixed_over_alone, shared_wait_over_fifo
from tests.bench.figures import Figure, measures
from tests.bench.sharing import gain
from tests.bench.wishes import wish

SD1, SDXL = "sd-1.5", "sdxl-1.0"
STEPS = 2
SMALL, LARGE = 256, 512
USERS = 4
MIXED = 2


@measures("fullsize")
def full_size() -> Iterator[Figure]:
    """Loading and two steps with guidance in a fresh process, random weights in the geometry of the real checkpoint."""
    for id, size in ((SD1, LARGE), (SDXL, 1024)):
        fullsize.write(id)
        start = first_step(
            root=fullsize.root(),
            checkpoint=id,
            size=size,
            num_inference_steps=STEPS + 1,
        )
        name = f"fullsize_{id}_{size}px"
        yield Figure(name=f"{name}_load", value=start["load"], unit="s", goal="no goal")
        yield Figure(name=f"{name}_step", value=start["warm_step"], unit="s", goal="no goal")
        yield Figure(name=f"{name}_memory", value=start["peak_gib"], unit="GiB", goal="<= 24")
        yield Figure(name=f"{name}_G13", value=ratio(start), unit="times", goal="<= 1.5")


@measures("fullshare")
def full_share() -> Iterator[Figure]:
    """G2, G3 and G14 in the geometry of Stable Diffusion 1.5: 4 jobs of 512 pixels and two steps; 2 of each size mixed."""
    fullsize.write(SD1)
    root = fullsize.root()
    bare = Bare(SD1, root)
    engine = Engine(loader=Loader(root))
    large = partial(wish, checkpoint=SD1, size=LARGE, num_inference_steps=STEPS)
    small = partial(wish, checkpoint=SD1, size=SMALL, num_inference_steps=STEPS)

    value = gain(engine, [large(number) for number in range(USERS)], bare.draw, rounds=1)
    yield Figure(name="fullshare_G2", value=value, unit="times", goal=">= 0.97")
    value = continuous_over_static(engine, bare, large, users=USERS, rounds=1)
    yield Figure(name="fullshare_G3", value=value, unit="times", goal=">= 0.95")
    few_small = [small(number) for number in range(MIXED)]
    few_large = [large(number) for number in range(MIXED)]
    value = mixed_over_alone(engine, few_small, few_large, rounds=1)
    yield Figure(name="fullshare_G14_throughput", value=value, unit="times", goal=">= 0.95")
    value = shared_wait_over_fifo(engine, bare, [*few_large, *few_small], small=SMALL, rounds=1)
    yield Figure(name="fullshare_G14_small_p95", value=value, unit="times", goal="<= 0.5")
