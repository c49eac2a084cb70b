"""Which grants cover which open holds: what of a grant is promised, and what may go.

A hold may be paid for by any grant that had not expired when it was placed, nearest expiry first.
"""

from collections.abc import Sequence
from datetime import datetime

from billing.models import Grant

# Of an open hold: when it was placed, and its amount.
Promise = tuple[datetime, int]


def surplus(due: Sequence[Grant], holds: Sequence[Promise]) -> list[tuple[Grant, int]]:
    """Of the grants that are `due`, by expiry, what exceeds the holds from before each expired.

    A hold spends the nearest expiry first, so the grants before this one cover those holds first.
    """
    found = []
    kept = 0
    for expired in due:
        assert expired.expires_at is not None, "a grant without expiry is never due"
        needed = sum(amount for placed_at, amount in holds if placed_at < expired.expires_at)
        keep = min(expired.remaining, needed - kept)
        kept += keep
        if keep < expired.remaining:
            found.append((expired, expired.remaining - keep))
    return found


def spare(grant: Grant, grants: Sequence[Grant], holds: Sequence[Promise]) -> int:
    """The most that can go of `grant`, one of `grants`, with every hold still payable in full.

    Later holds have fewer grants to choose from, so it is enough to look at each moment on at which
    one was placed.
    """
    rooms = [
        sum(each.remaining for each in grants if _pays_at(each, moment))
        - sum(amount for placed_at, amount in holds if placed_at >= moment)
        for moment, _amount in holds
        if _pays_at(grant, moment)
    ]
    return min([grant.remaining, *rooms])


def _pays_at(grant: Grant, moment: datetime) -> bool:
    return grant.expires_at is None or grant.expires_at > moment
