"""The tables: the results beside their goals, and beside Flask-Security."""

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
    """The figure to reach. Nothing asserts it: times depend on the machine."""

    at_least: float | None = None
    at_most: float | None = None

    def met(self, value: float) -> bool:
        """Whether a median reaches the figure."""
        low, high = self.at_least, self.at_most
        return (low is None or value >= low) and (high is None or value <= high)


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table.

    Attributes:
        floor: the result of the floor, with its unit; empty where there is no floor.
        ours: the result of ours, with its unit.
        unit: of `found` and `goal`: `%`, `x`, `s`, `MiB`, or empty for a count.
        shares: ours and each peer divided by the floor; empty where no peer was measured.
        share_unit: `%` where more is better, `x` where less is better.
    """

    name: str
    floor: str
    ours: str
    found: Spread
    unit: str
    goal: Goal
    shares: tuple[Spread, ...] = ()
    share_unit: str = "%"

    def share_cells(self) -> tuple[str, ...]:
        """The cells of the table beside the peers."""
        return self.name, self.floor, *(_share(share, self.share_unit) for share in self.shares)

    def cells(self) -> tuple[str, ...]:
        """The cells of the main table."""
        found = self.found
        middle = _amount(found.median, self.unit)
        spread = f"{_amount(found.low, self.unit)} to {_amount(found.high, self.unit)}"
        return self.name, self.floor, self.ours, middle, spread, *self._goal_cells()

    def _goal_cells(self) -> tuple[str, str]:
        verdict = "yes" if self.goal.met(self.found.median) else "**no**"
        if self.goal.at_least is not None:
            return f"≥ {_amount(self.goal.at_least, self.unit)}", verdict
        if self.goal.at_most is not None:
            return f"≤ {_amount(self.goal.at_most, self.unit)}", verdict
        return "", ""


_HEADINGS = ("step", "floor", "ours", "found", "spread", "to reach", "reached")


def _share(share: Spread, unit: str) -> str:
    low, high = _amount(share.low, unit), _amount(share.high, unit)
    return f"{_amount(share.median, unit)} ({low} to {high})"


def _amount(value: float, unit: str) -> str:
    match unit:
        case "%":
            return f"{value:.0%}" if value >= 0.095 else f"{value:.1%}"
        case "x":
            return f"{value:.2f} ×"
        case "":
            return f"{value:g}"
        case _:
            return f"{value:.2f} {unit}" if value < 10 else f"{value:.0f} {unit}"


def per_second(rate: Spread) -> str:
    """The text for a throughput."""
    return f"{rate.median:.0f}/s" if rate.median >= 100 else f"{rate.median:.1f}/s"


def milliseconds(seconds: Spread) -> str:
    """The text for a time."""
    return f"{seconds.median * 1000:.1f} ms"


def table(rows: Iterable[Row]) -> str:
    """The main table, in Markdown that is also straight in a terminal."""
    return _markdown([_HEADINGS, *(row.cells() for row in rows)])


def peer_table(rows: Iterable[Row], names: Iterable[str]) -> str:
    """The shares of ours and of the peers with these names, for the rows that have them."""
    headings = ("step", "floor", "ours", *names)
    return _markdown([headings, *(row.share_cells() for row in rows if row.shares)])


def _markdown(lines: list[tuple[str, ...]]) -> str:
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    lines.insert(1, tuple("-" * width for width in widths))
    return "\n".join(_line(cells, widths) for cells in lines)


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = (cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
    return f"| {' | '.join(padded)} |"


def machine() -> str:
    """The machine and the versions, in a line."""
    libraries = ", ".join(f"{name} {version(name)}" for name in _LIBRARIES)
    return (
        f"{os.cpu_count()} cores ({_processor()}), {platform.system()} {platform.machine()},"
        f" Python {platform.python_version()}, {libraries}"
    )


def _processor() -> str:
    """The model of the processor, if the system knows it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    models = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(models, platform.processor())
