"""The times, in milliseconds, that the curve and the cohort table show."""

SECOND, MINUTE, HOUR, DAY = 1_000, 60_000, 3_600_000, 86_400_000

# (end, step): points of the curve up to `end` are `step` apart.
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
"""The times of the curve. They are closest together where most people confirm."""

WITHIN = {
    "10 minutes": 10 * MINUTE,
    "an hour": HOUR,
    "a day": DAY,
    "a week": 7 * DAY,
}
"""The times of the cohort table."""
