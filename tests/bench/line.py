"""Users who submit jobs behind a queue of any length. Needs a database."""

import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle, islice

from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import User
from generation import jobs
from generation.models import Job
from tests import factories
from tests.bench.accounts import Database
from tests.bench.wishes import wish

PEOPLE = 10
# Of other people, whose jobs are in line.
OWNERS = 200
A_SECOND = 50
# Submitted in one round: fewer than a user may have queued.
ROUND = 50


@dataclass(frozen=True)
class Line:
    """The line in one of two databases, with the same people before it."""

    database: Database
    people: tuple[User, ...]

    def submit_steadily(self) -> list[float]:
        """Milliseconds of each of ROUND submissions, A_SECOND a second; they leave the line again."""
        self.database.enter()
        jobs.submit(self.people[0], wish(0))
        milliseconds = list(self._submit_on_time())
        self._leave()
        return milliseconds

    def queries(self) -> int:
        """Queries of one submission."""
        self.database.enter()
        with CaptureQueriesContext(connection) as captured:
            jobs.submit(self.people[0], wish(0))
        self._leave()
        return len(captured)

    def _submit_on_time(self) -> Iterator[float]:
        began = time.perf_counter()
        for number, person in enumerate(islice(cycle(self.people), ROUND)):
            time.sleep(max(0.0, began + number / A_SECOND - time.perf_counter()))
            submitted = time.perf_counter()
            jobs.submit(person, wish(number))
            yield (time.perf_counter() - submitted) * 1_000

    def _leave(self) -> None:
        for person in self.people:
            jobs.cancel_all(person)


def people() -> tuple[User, ...]:
    """Subscribers of the largest plan."""
    users = []
    for number in range(PEOPLE):
        users.append(user := factories.make_user(f"asker-{number}@example.com"))
        factories.subscribe(user, plan="premium")
    return tuple(users)


def fill(count: int) -> None:
    """Put so many jobs of other people in line, as if each had been submitted in turn."""
    owners = User.objects.bulk_create(
        [User(email=f"owner-{number}@example.com") for number in range(OWNERS)]
    )
    likely_ms = 2_000
    Job.objects.bulk_create(
        [
            Job(
                id=uuid.uuid4(),
                user=owners[number % OWNERS],
                request=(request := wish(number)).to_dict(),
                checkpoint=request.checkpoint,
                rank=number // OWNERS * likely_ms,
                rank_end=(number // OWNERS + 1) * likely_ms,
                quote_ms=likely_ms,
                hold_ms=2 * likely_ms,
                queued_at=timezone.now(),
            )
            for number in range(count)
        ],
        batch_size=1_000,
    )
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE generation_job")
