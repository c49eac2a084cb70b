"""G9: time to submit a job behind a long queue."""

from collections.abc import Iterator

from tests.bench.database import empty_database
from tests.bench.figures import Figure, measures
from tests.bench.trials import percentile

QUEUED = 10_000
ROUNDS = 10


@measures("G9")
def submit() -> Iterator[Figure]:
    """95th percentile of submitting at 50 a second while 10,000 jobs are in line, over while none is; queries of one."""
    with empty_database():
        from tests.bench import accounts, line  # noqa: PLC0415  # app registry: after django.setup()

        people = line.people()
        with accounts.copied_database() as (empty, full):
            full.enter()
            line.fill(QUEUED)
            lines = [line.Line(database, people) for database in (empty, full)]
            for each in lines:
                each.submit_steadily()
            milliseconds: list[list[float]] = [[], []]
            for number in range(ROUNDS):
                for index in (0, 1) if number % 2 else (1, 0):
                    milliseconds[index] += lines[index].submit_steadily()
            without, behind = (percentile(each, 95) for each in milliseconds)
            yield Figure(
                name="G9",
                value=behind / without,
                unit=f"x, {behind:.1f} ms over {without:.1f}",
                goal="<= 1.2",
            )
            few, many = (each.queries() for each in lines)
            yield Figure(name="G9_queries", value=many, unit="", goal=f"{few} with none in line")
