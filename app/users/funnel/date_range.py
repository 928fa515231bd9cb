"""A date range, and the days, weeks or months that it is divided into. All in UTC."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum

MAX_PERIODS = 400
"""A longer table is not readable. The days of a leap year fit."""
_FIRST = date(2000, 1, 1)
_EPOCH_DAY = date(1970, 1, 1)
# 1970-01-01 was a Thursday: day 4 is the first Monday.
_MONDAY = 3
_DAY = timedelta(days=1)
_DAY_FORM = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}")


class By(StrEnum):
    """What a date range is divided into. Each day, ISO week (from Monday) and month has a
    number."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"

    def number(self, day: date) -> int:
        """The number of the period with this day. The next period has the next number."""
        days = (day - _EPOCH_DAY).days
        match self:
            case By.DAY:
                return days
            case By.WEEK:
                return (days + _MONDAY) // 7
            case By.MONTH:
                return day.year * 12 + day.month - 1

    def start(self, number: int) -> date:
        """The first day of the period with this number."""
        match self:
            case By.DAY:
                return _EPOCH_DAY + timedelta(days=number)
            case By.WEEK:
                return _EPOCH_DAY + timedelta(days=number * 7 - _MONDAY)
            case By.MONTH:
                return date(number // 12, number % 12 + 1, 1)

    def label(self, start: date) -> str:
        """The period in ISO 8601: 2026-11-24, 2026-W48, 2026-11."""
        match self:
            case By.DAY:
                return start.isoformat()
            case By.WEEK:
                year, week, _day = start.isocalendar()
                return f"{year}-W{week:02}"
            case By.MONTH:
                return start.isoformat()[:7]


@dataclass(frozen=True, slots=True)
class DateRange:
    """From the first day to the last, both included."""

    first: date
    last: date
    by: By

    @property
    def since(self) -> datetime:
        """Its first moment."""
        return datetime.combine(self.first, time(), UTC)

    @property
    def until(self) -> datetime:
        """The first moment after it."""
        return datetime.combine(self.last, time(), UTC) + _DAY

    def periods(self, by: By) -> Iterator[date]:
        """The first day of every period in the range. The first and the last period may be
        incomplete."""
        for number in range(by.number(self.first), by.number(self.last) + 1):
            yield by.start(number)


class DateRangeError(ValueError):
    """Not a date range; the message is shown to the person."""


def parse_date_range(first: str, last: str, by: str, today: date) -> DateRange:
    """Reads a date range, dates as YYYY-MM-DD.

    Defaults for empty texts: weeks, up to today, and as many periods as fit a chart (30 days, 12
    weeks, 12 months). The first period is then complete.

    Raises:
        DateRangeError: it is not a date range, or too long.
    """
    try:
        unit = By(by or By.WEEK)
    except ValueError:
        raise DateRangeError("Choose day, week or month.") from None
    until = _day(last) if last else today
    back = 29 if unit is By.DAY else 11
    since = _day(first) if first else max(_FIRST, unit.start(unit.number(until) - back))
    if min(since, until) < _FIRST or until.year > today.year + 1:
        raise DateRangeError(f"Choose days from {_FIRST} to {today}.")
    if since > until:
        raise DateRangeError("The first day is after the last one.")
    if unit.number(until) - unit.number(since) >= MAX_PERIODS:
        raise DateRangeError(
            f"That is more than {MAX_PERIODS} {unit}s. Choose a shorter span, or longer periods."
        )
    return DateRange(since, until, unit)


def _day(text: str) -> date:
    try:
        # `fromisoformat` alone would also accept 20261124 and 2026-W48-2.
        return date.fromisoformat(text if _DAY_FORM.fullmatch(text) else "")
    except ValueError:
        raise DateRangeError("Write a day as year, month and day: 2026-11-24.") from None
