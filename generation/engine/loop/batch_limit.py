"""How many rows share a forward pass, learned for each batch key from the passes themselves.

Sharing pays where a few rows leave the device idle. A small picture on a GPU gains threefold, a large
one on a CPU loses. So nothing is assumed and no time is spent on trials: with runs to fill it the limit
goes to the next size, up or down, and stays where a row is cheapest.
"""

from collections import defaultdict
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from statistics import median

MAX_ROWS = 16
_INITIAL_ROWS = 4
# A guided run is two rows: below that there is nothing to share.
_MIN_ROWS = 2
# Passes of a size before it is judged, after a first one that also pays for the device's set-up.
_SAMPLES = 5
# A row must get cheaper by this share for a larger limit to be worth its longer steps.
_MIN_GAIN = 0.03
# What a row may cost more in a pass that is kept short for a newcomer: a run has one such pass among its many.
_MAX_SHORT_LOSS = 0.3
# After so many passes all is measured anew: the device's other work changes.
_REMEASURE_PASSES = 300


@dataclass
class _Profile:
    """What is known of one batch key. Sizes are numbers of rows, rounded up to powers of two.

    `cost` is the latest median of microseconds a row by size, `fresh` what was measured since.
    """

    limit: int
    cost: dict[int, float] = field(default_factory=dict)
    fresh: dict[int, list[float]] = field(default_factory=lambda: defaultdict(list))
    warmed_up: set[int] = field(default_factory=set)
    passes: int = 0


class BatchLimit:
    """Starts with `first` rows for each key and never allows `most`.

    Not thread-safe: the engine's loop owns it.
    """

    def __init__(self, *, initial: int = _INITIAL_ROWS, maximum: int = MAX_ROWS) -> None:
        self._maximum = maximum
        self._profiles: dict[Hashable, _Profile] = defaultdict(lambda: _Profile(limit=initial))

    def __call__(self, batch_key: Hashable) -> int:
        """Return how many rows a pass over runs of this key may have now."""
        return min(self._profiles[batch_key].limit, self._maximum)

    def short_pass(self, batch_key: Hashable) -> int:
        """Return the fewest rows of a pass in which a row costs hardly more than in a larger one."""
        limit = self(batch_key)
        known = {size: us for size, us in self._profiles[batch_key].cost.items() if size <= limit}
        enough = (1 + _MAX_SHORT_LOSS) * min(known.values(), default=0.0)
        return min((size for size, us in known.items() if us <= enough), default=limit)

    def observe(self, batch_key: Hashable, *, rows: int, us: int) -> None:
        """Take in how long a pass of so many rows took."""
        profile = self._profiles[batch_key]
        if rows not in profile.warmed_up:
            profile.warmed_up.add(rows)
            return
        profile.passes += 1
        if profile.passes % _REMEASURE_PASSES == 0:
            profile.cost.clear()
        size = 1 << (rows - 1).bit_length()
        fresh = profile.fresh[size]
        fresh.append(us / rows)
        if len(fresh) == _SAMPLES:
            profile.cost[size] = median(fresh)
            fresh.clear()
            profile.limit = self._choose(profile.cost)

    def _choose(self, cost: Mapping[int, float]) -> int:
        """Return the size that pays best, or one beside it of which nothing is known yet."""
        best = min(cost)
        for size in sorted(cost):
            if cost[size] < (1 - _MIN_GAIN) * cost[best]:
                best = size
        if 2 * best not in cost and 2 * best <= self._maximum:
            return 2 * best
        if best // 2 not in cost and best // 2 >= _MIN_ROWS:
            return best // 2
        return best
