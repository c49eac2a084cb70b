"""Register of figures by name."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One line of the report. `goal` says in words what `value` should be."""

    name: str
    value: float
    unit: str
    goal: str

    def __str__(self) -> str:
        return f"{self.name} {self.value:.3f} {self.unit} ({self.goal})"


Measurement = Callable[[], Iterator[Figure]]

MEASUREMENTS: dict[str, Measurement] = {}


def measures(name: str) -> Callable[[Measurement], Measurement]:
    """Register a function under the name by which it is asked for; its figures' names begin with it."""

    def register(measurement: Measurement) -> Measurement:
        assert name not in MEASUREMENTS, f"{name} is measured twice"
        MEASUREMENTS[name] = measurement
        return measurement

    return register


def names() -> list[str]:
    """The names of all measurements: G1, G2 and so on first."""
    return sorted(MEASUREMENTS, key=lambda name: (not name.startswith("G"), len(name), name))
