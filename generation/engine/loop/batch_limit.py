"""Batch limit: rows of a forward pass, learned for each batch key from the passes themselves.

Sharing pays while a few rows leave the device idle. A small image on a GPU gains threefold, a large
one on a CPU loses. So nothing is assumed and no time is spent on trials: if there are enough runs,
the limit goes to the next size, up or down, and stays where a row is cheapest.
"""

from collections import defaultdict
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from statistics import median

from generation.engine.diffusion.families.latent import MAX_ROWS

_INITIAL_ROWS = 4
# A guided run alone is two rows.
_MIN_ROWS = 2
# Samples of a size before it is judged. The first pass is left out: it includes warm-up.
_SAMPLES = 5
# A row must get cheaper by this share for a larger limit to be worth its longer steps.
_MIN_GAIN = 0.03
# A row may cost this much more in a short pass: a run has one such pass among many.
_MAX_SHORT_LOSS = 0.3
# Measure again after so many passes, because the device's other load changes.
_REMEASURE_PASSES = 300


@dataclass
class _Profile:
    """Measurements of one batch key. Sizes are numbers of rows, rounded up to powers of two.

    `cost` is the latest median of microseconds a row by size; `fresh` are the samples since.
    """

    limit: int
    cost: dict[int, float] = field(default_factory=dict)
    fresh: dict[int, list[float]] = field(default_factory=lambda: defaultdict(list))
    warmed_up: set[int] = field(default_factory=set)
    passes: int = 0


class BatchLimit:
    """Starts with `initial` rows for each key and never allows more than `maximum`.

    Not thread-safe: the engine's loop owns it.
    """

    def __init__(self, *, initial: int = _INITIAL_ROWS, maximum: int = MAX_ROWS) -> None:
        self._maximum = maximum
        self._profiles: dict[Hashable, _Profile] = defaultdict(lambda: _Profile(limit=initial))

    def __call__(self, batch_key: Hashable) -> int:
        """Return the most rows that a pass of this key may have now."""
        return min(self._profiles[batch_key].limit, self._maximum)

    def short_pass(self, batch_key: Hashable) -> int:
        """Return the fewest rows at which a row costs little more than in a full pass."""
        limit = self(batch_key)
        known = {size: us for size, us in self._profiles[batch_key].cost.items() if size <= limit}
        enough = (1 + _MAX_SHORT_LOSS) * min(known.values(), default=0.0)
        return min((size for size, us in known.items() if us <= enough), default=limit)

    def observe(self, batch_key: Hashable, *, rows: int, us: int) -> None:
        """Learn from the device time of one pass, in microseconds."""
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
        """Return the cheapest size, or an unmeasured one beside it."""
        best = min(cost)
        for size in sorted(cost):
            if cost[size] < (1 - _MIN_GAIN) * cost[best]:
                best = size
        if 2 * best not in cost and 2 * best <= self._maximum:
            return 2 * best
        if best // 2 not in cost and best // 2 >= _MIN_ROWS:
            return best // 2
        return best
