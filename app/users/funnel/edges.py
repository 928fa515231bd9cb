"""The round times, in milliseconds, at which the curve and the cohort table are read."""

SECOND, MINUTE, HOUR, DAY = 1_000, 60_000, 3_600_000, 86_400_000

# Up to each time, steps of one width.
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
"""The times of the curve: dense where most people are."""

WITHIN = {
    "10 minutes": 10 * MINUTE,
    "an hour": HOUR,
    "a day": DAY,
    "a week": 7 * DAY,
}
"""The times of the cohort table."""
