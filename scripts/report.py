"""Prints how registration is going: how many people confirm, how soon, and what happened to the
others.

Counts accounts by the time of registration, including deleted ones. Exit status: 0 done, 1 MongoDB
does not answer, 2 bad arguments.
"""

import _root  # noqa: F401, I001 (first, so that app can be imported)
import argparse
import json
import sys
from collections.abc import Iterable, Iterator

from pymongo.errors import PyMongoError

from app import create_app
from app.mongo import current_mongo
from app.users.clock import utcnow
from app.users.funnel.edges import WITHIN
from app.users.funnel.date_range import By, DateRangeError, parse_date_range
from app.users.funnel.export import as_csv, as_json
from app.users.funnel.figures import Cohort, Figures, Line, figures
from app.web.humanize import percent, took

_NAMES = (
    "registered",
    "confirmed",
    "share",
    "waiting",
    "expired",
    "withdrawn",
    "refused",
    "resends",
    "median",
    "90 % by",
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--from", dest="first", default="", metavar="DAY", help="YYYY-MM-DD (UTC)")
    parser.add_argument("--to", dest="last", default="", metavar="DAY", help="included; today")
    parser.add_argument("--by", default="", help="day, week (from Monday; the default) or month")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="everything, as JSON")
    form.add_argument("--csv", action="store_true", help="a line for each period, as CSV")
    arguments = parser.parse_args()
    now = utcnow()
    try:
        dates = parse_date_range(arguments.first, arguments.last, arguments.by, now.date())
    except DateRangeError as error:
        parser.error(str(error))
    with create_app().app_context():
        try:
            found = figures(current_mongo().database, dates, now)
        except PyMongoError as error:
            print(f"MongoDB: {error}", file=sys.stderr)
            return 1
    if arguments.json:
        print(json.dumps(as_json(found), indent=2))
    elif arguments.csv:
        print(as_csv(found), end="")
    else:
        print("\n".join(text(found)))
    return 0


def text(found: Figures) -> Iterator[str]:
    """The figures as tables for a terminal."""
    dates = found.dates
    yield f"Registered from {dates.first} to {dates.last} (UTC)\n"
    lines = [(dates.by.label(line.start), *_cells(line)) for line in found.lines]
    yield from _table([(dates.by.value, *_NAMES), *lines, ("all", *_cells(found.total))])
    yield "\nConfirmed within, by week of registration (~ may still grow)\n"
    cohorts = (
        (By.WEEK.label(cohort.start), str(cohort.registered), *_within(cohort))
        for cohort in found.cohorts
    )
    yield from _table([("week", "registered", *WITHIN), *cohorts])
    yield "\nAsked for another mail\n"
    resent = (
        (str(times), str(accounts), percent(confirmed, accounts))
        for times, accounts, confirmed in found.resent
    )
    yield from _table([("times", "accounts", "confirmed"), *resent])


def _cells(line: Line) -> tuple[str, ...]:
    counts = (line.waiting, line.expired, line.withdrawn, line.refused, line.resends)
    return (
        str(line.registered),
        str(line.confirmed),
        percent(line.confirmed, line.registered),
        *map(str, counts),
        took(line.median),
        took(line.p90),
    )


def _within(cohort: Cohort) -> Iterator[str]:
    for name, count in cohort.confirmed.items():
        mark = "~" if name in cohort.open and cohort.registered else ""
        yield mark + percent(count, cohort.registered)


def _table(rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    """The lines of a table: names are aligned left, numbers right."""
    table = list(rows)
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for name, *cells in table:
        padded = [cell.rjust(width) for cell, width in zip(cells, widths[1:], strict=True)]
        yield "  ".join([name.ljust(widths[0]), *padded]).rstrip()


if __name__ == "__main__":
    sys.exit(main())
