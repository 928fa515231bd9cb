"""The time from registering to confirming, sorted into bins whose edges are round times."""

from datetime import timedelta
from typing import Any

_MS = timedelta(milliseconds=1)
SECOND, MINUTE, HOUR, DAY = 1_000, 60_000, 3_600_000, 86_400_000
"""In milliseconds, which is what MongoDB keeps."""

# Up to each time, bins of one width: narrow where most people are. A time at an edge is in the bin
# below it ("within 10 minutes" includes 10 minutes). Longer times are in one last bin.
_WIDTHS = (
    (10 * MINUTE, 20 * SECOND),
    (HOUR, 5 * MINUTE),
    (DAY, HOUR),
    (7 * DAY, 12 * HOUR),
)


def _edges() -> tuple[int, ...]:
    edges = [0]
    for upto, width in _WIDTHS:
        edges += range(edges[-1] + width, upto + 1, width)
    return tuple(edges)


EDGES = _edges()
"""Bin `n` holds what is longer than edge `n - 1` and not longer than edge `n`, in milliseconds."""
LAST_BIN = len(EDGES)

WITHIN = {
    "10 minutes": 10 * MINUTE,
    "an hour": HOUR,
    "a day": DAY,
    "a week": 7 * DAY,
}
"""The times of the cohort table; each is an edge."""


def milliseconds(elapsed: timedelta) -> int:
    """Whole milliseconds, as MongoDB subtracts its dates."""
    return elapsed // _MS


def bin_of(elapsed: int) -> int:
    """The bin of a time in milliseconds."""
    below = lowest = 0
    for upto, width in _WIDTHS:
        if elapsed <= upto:
            return lowest - (below - elapsed) // width
        lowest += (upto - below) // width
        below = upto
    return LAST_BIN


def bin_expression(elapsed: Any) -> dict[str, Any]:
    """`bin_of` for MongoDB, by arithmetic. Comparing with every edge would take ten times as long.

    Null, which sorts below every number, stays null.
    """
    branches = []
    below = lowest = 0
    for upto, width in _WIDTHS:
        steps = {"$ceil": {"$divide": [{"$subtract": [elapsed, below]}, width]}}
        branches.append(
            {"case": {"$lte": [elapsed, upto]}, "then": {"$add": [steps, lowest]}},
        )
        lowest += (upto - below) // width
        below = upto
    return {"$switch": {"branches": branches, "default": LAST_BIN}}
