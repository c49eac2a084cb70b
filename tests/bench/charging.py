"""G12: time charged to customers, over the device's busy time."""

from collections.abc import Iterator

from tests.bench.database import empty_database
from tests.bench.figures import Figure, measures


@measures("G12")
def meter() -> Iterator[Figure]:
    """The sum charged over the busy time of the devices, without what a killed worker had begun."""
    with empty_database():
        from tests.bench import customers  # noqa: PLC0415  # app registry: after django.setup()

        charged_us, busy_us = customers.charged_and_busy()
    yield Figure(
        name="G12", value=charged_us / busy_us, unit="times", goal="0.98 to 1.000, never above"
    )
