"""Abstract model for database rows that workers retry until they succeed."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any, ClassVar, TypeVar

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

# Beat rings for at most this many rows a run; its next run rings for the rest.
AT_ONCE = 100

Row = TypeVar("Row", bound="Due")


class DueQuerySet(models.QuerySet[Row]):
    def due(self) -> "DueQuerySet[Row]":
        """Rows whose time has come, including those that are no longer open."""
        column = self.model.DUE_AT
        due = Q(**{f"{column}__lte": self.model.CLOCK()})
        if self.model._meta.get_field(column).null:
            due |= Q(**{column: None})
        return self.filter(due)

    def ids(self) -> list[str]:
        """The ids of open rows that are due, in their order, at most AT_ONCE."""
        rows = self.filter(self.model.OPEN).due().order_by(self.model.ORDER)
        return [str(pk) for pk in rows.values_list("pk", flat=True)[:AT_ONCE]]

    def claim(self, pk: str, **fields: Any) -> Row | None:
        """Count an attempt and hold the row for LEASE; None if it is not open, not due, or taken.

        One conditional update, so that one of several workers gets the row. A lease that lapses makes
        the row due again. Other `fields` are set in the same update.
        """
        model = self.model
        mine = self.filter(model.OPEN, pk=pk).due()
        lease = {model.DUE_AT: model.CLOCK() + model.LEASE, model.ATTEMPTS: F(model.ATTEMPTS) + 1}
        return self.get(pk=pk) if mine.update(**lease, **fields) else None


class Due(models.Model):
    """A row with a due time and a count of attempts, in columns of the subclass's own.

    OPEN selects unfinished rows. A subclass that gives up after MAX_ATTEMPTS excludes them there, or closes
    the row itself.
    """

    OPEN: ClassVar[Q]
    DUE_AT: ClassVar = "due_at"
    ATTEMPTS: ClassVar = "attempts"
    ORDER: ClassVar = "due_at"
    # The database's clock, which all workers share.
    CLOCK: ClassVar[Callable[[], Any]] = Now
    MAX_ATTEMPTS: ClassVar[int]
    LEASE: ClassVar[timedelta]
    FIRST_RETRY: ClassVar[timedelta]
    LONGEST_RETRY: ClassVar[timedelta]
    # The fields that identify the row as it was claimed.
    OWN: ClassVar[tuple[str, ...]] = ("pk",)

    class Meta:
        abstract = True

    def postpone(self, **fields: Any) -> None:
        """Make the row due again after a pause that doubles with each attempt, and set `fields`."""
        attempts = getattr(self, self.ATTEMPTS)
        pause = min(self.FIRST_RETRY * 2 ** (attempts - 1), self.LONGEST_RETRY)
        own = {name: getattr(self, name) for name in self.OWN}
        mine = type(self)._base_manager.filter(**own)
        mine.update(**{self.DUE_AT: type(self).CLOCK() + pause}, **fields)
