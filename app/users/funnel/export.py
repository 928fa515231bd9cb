"""The funnel's figures as CSV and JSON. Times are in seconds, shares from 0 to 1."""

import csv
import io
from typing import Any

from app.users.funnel.edges import WITHIN
from app.users.funnel.figures import Figures, Line

_COUNTS = (
    "registered",
    "confirmed",
    "waiting",
    "expired",
    "withdrawn",
    "deleted",
    "refused",
    "resends",
)


def as_csv(figures: Figures) -> str:
    """A header line, then a line for each period. All values are our own numbers and dates, so none
    can start a formula in a spreadsheet."""
    out = io.StringIO()
    by = figures.dates.by
    lines = [{by.value: by.label(line.start), **line_values(line)} for line in figures.lines]
    names = [by.value, *line_values(figures.total)]
    writer = csv.DictWriter(out, names, lineterminator="\r\n")  # RFC 4180
    writer.writeheader()
    writer.writerows(lines)
    return out.getvalue()


def as_json(figures: Figures) -> dict[str, Any]:
    """All figures, as values that `json` can write."""
    dates = figures.dates
    return {
        "from": dates.first.isoformat(),
        "to": dates.last.isoformat(),
        "by": dates.by.value,
        "total": line_values(figures.total),
        "periods": [
            {dates.by.value: dates.by.label(line.start), **line_values(line)}
            for line in figures.lines
        ],
        "cohorts": [
            {
                "week": cohort.start.isoformat(),
                "registered": cohort.registered,
                "confirmed_within": cohort.confirmed,
                "not_over_yet": [name for name in WITHIN if name in cohort.open],
            }
            for cohort in figures.cohorts
        ],
        "confirmed_after_seconds": [
            {"seconds": seconds, "confirmed": count} for seconds, count in figures.curve
        ],
        "resends": [
            {"resends": times, "accounts": accounts, "confirmed": confirmed}
            for times, accounts, confirmed in figures.resent
        ],
    }


def line_values(line: Line) -> dict[str, Any]:
    """The values of a line by column name, in the order of the columns."""
    counts = {name: getattr(line, name) for name in _COUNTS}
    share = None if line.share is None else round(line.share, 4)
    return counts | {"share": share, "median_seconds": line.median, "p90_seconds": line.p90}
