"""The owners who have a page open: previews are made for them alone."""

from collections.abc import Iterable

from generation.live import latest


class Watchers:
    """A set of user ids, replaced as a whole: reading it needs no lock."""

    def __init__(self) -> None:
        self._user_ids: frozenset[int] = frozenset()

    def __contains__(self, user_id: int) -> bool:
        return user_id in self._user_ids

    def look_for(self, user_id: int) -> None:
        """Look at once whether a new job's owner watches, so that the first preview is not late."""
        if user_id not in self:
            self._user_ids |= latest.watched([user_id])

    def refresh(self, user_ids: Iterable[int]) -> None:
        """Replace the set by those of `user_ids` who have a page open now."""
        self._user_ids = latest.watched(user_ids)
