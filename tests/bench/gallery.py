"""G10: a gallery of a million images compared with one of a thousand."""

import statistics
from collections.abc import Callable, Iterator

from tests.bench.database import empty_database
from tests.bench.figures import Figure, measures
from tests.bench.trials import interleaved, timed

FEW, MANY = 1_000, 1_000_000
ROUNDS = 31


@measures("G10")
def gallery() -> Iterator[Figure]:
    """Gallery pages of a user with a million pictures, over those of a user with a thousand."""
    with empty_database():
        from tests.bench import pictures  # noqa: PLC0415  # app registry: after django.setup()

        few, many = pictures.Owner(FEW), pictures.Owner(MANY)
        pictures.settle()
        for page in pictures.PAGES:
            few_queries, many_queries = few.queries(page), many.queries(page)
            yield Figure(
                name=f"G10 {page}, queries",
                value=many_queries,
                unit="",
                goal=f"{few_queries} at {FEW:,}",
            )
            name = f"G10 {page}"
            yield _ratio(
                name,
                few.visit(page),
                many.visit(page),
                goal=pictures.BEYOND_THE_GOAL.get(page, "<= 1.3"),
            )
            yield _ratio(
                f"{name}, find", few.find(page), many.find(page), goal="a part of the page"
            )


def _ratio(
    name: str, few: Callable[[], object], many: Callable[[], object], *, goal: str
) -> Figure:
    times = interleaved(lambda: timed(few), lambda: timed(many), rounds=ROUNDS)
    few_seconds, many_seconds = (statistics.median(each) for each in times)
    return Figure(
        name=name,
        value=many_seconds / few_seconds,
        unit=f"x, {many_seconds * 1_000:.1f} ms over {few_seconds * 1_000:.1f}",
        goal=goal,
    )
