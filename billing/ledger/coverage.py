"""Arithmetic on the cover of open holds by grants. Touches no row.

A hold may be paid for by any grant that had not expired when it was placed, nearest expiry first.
"""

from collections.abc import Sequence
from datetime import datetime

from billing.models import Grant

# An open hold as (placed at, amount).
Promise = tuple[datetime, int]


def surplus(due: Sequence[Grant], holds: Sequence[Promise]) -> list[tuple[Grant, int]]:
    """The `due` grants, by expiry, with the amount that no hold from before their expiry needs.

    A hold spends the nearest expiry first, so earlier grants cover those holds first.
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
    """The most that can be taken from `grant`, one of `grants`, while every hold stays covered.

    Later holds have fewer grants to choose from, so it is enough to check the moments of placing.
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
