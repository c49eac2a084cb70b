"""Device time spent on a run."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Charge:
    """Device time spent on one run's behalf.

    `phase` is load, encode, step or decode; `index` counts steps from 1; `us` is this run's share
    in microseconds. The operator bears a charge that is not `billed`.
    """

    phase: str
    index: int | None = None
    us: int
    billed: bool = True
