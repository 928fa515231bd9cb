"""The table: what was found, beside what is to be reached."""

import os
import platform
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from bench.measure import Spread

_LIBRARIES = ("flask", "werkzeug", "gunicorn", "pymongo", "bcrypt")


@dataclass(frozen=True, slots=True)
class Goal:
    """What is to be reached; asserted nowhere, since it depends on the machine."""

    at_least: float | None = None
    at_most: float | None = None

    def met(self, value: float) -> bool:
        """Whether a median reaches it."""
        low, high = self.at_least, self.at_most
        return (low is None or value >= low) and (high is None or value <= high)


@dataclass(frozen=True, slots=True)
class Row:
    """One line.

    Attributes:
        floor: what ours is compared with, in words with a unit; empty where with nothing.
        ours: the same of ours.
        unit: of `found` and `goal`: `%`, `x`, `s`, `MiB`, or empty for a count.
    """

    name: str
    floor: str
    ours: str
    found: Spread
    unit: str
    goal: Goal

    def cells(self) -> tuple[str, ...]:
        """As text, a cell a column."""
        found = self.found
        middle = _amount(found.median, self.unit)
        spread = f"{_amount(found.low, self.unit)} to {_amount(found.high, self.unit)}"
        verdict = "yes" if self.goal.met(found.median) else "**no**"
        return self.name, self.floor, self.ours, middle, spread, self._goal(), verdict

    def _goal(self) -> str:
        if self.goal.at_least is not None:
            return f"≥ {_amount(self.goal.at_least, self.unit)}"
        assert self.goal.at_most is not None
        return f"≤ {_amount(self.goal.at_most, self.unit)}"


_HEADINGS = ("step", "floor", "ours", "found", "spread", "to reach", "reached")


def _amount(value: float, unit: str) -> str:
    match unit:
        case "%":
            return f"{value:.0%}"
        case "x":
            return f"{value:.2f} ×"
        case "":
            return f"{value:g}"
        case _:
            return f"{value:.2f} {unit}" if value < 10 else f"{value:.0f} {unit}"


def per_second(rate: Spread) -> str:
    """A throughput."""
    return f"{rate.median:.0f}/s" if rate.median >= 100 else f"{rate.median:.1f}/s"


def milliseconds(seconds: Spread) -> str:
    """A time."""
    return f"{seconds.median * 1000:.1f} ms"


def table(rows: Iterable[Row]) -> str:
    """In Markdown, with columns that are also straight in a terminal."""
    lines = [_HEADINGS, *(row.cells() for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(_HEADINGS))]
    lines.insert(1, tuple("-" * width for width in widths))
    return "\n".join(_line(cells, widths) for cells in lines)


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = (cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
    return f"| {' | '.join(padded)} |"


def machine() -> str:
    """Where it was measured, in a line."""
    libraries = ", ".join(f"{name} {version(name)}" for name in _LIBRARIES)
    return (
        f"{os.cpu_count()} cores ({_processor()}), {platform.system()} {platform.machine()},"
        f" Python {platform.python_version()}, {libraries}"
    )


def _processor() -> str:
    """The model, where the system tells."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    models = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(models, platform.processor())
