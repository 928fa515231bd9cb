"""How soon people confirm: MongoDB collects the times, Python sorts and counts them."""

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from pymongo.database import Database

from app.users.clock import EPOCH
from app.users.documents import Document
from app.users.funnel.date_range import DateRange

_DAY_MS = 86_400_000
DAY_OF_REGISTRATION: Document = {
    "$floor": {"$divide": [{"$subtract": ["$registered_on", EPOCH]}, _DAY_MS]}
}
"""The number of the day of registration, equal to `By.DAY.number`."""

Times = list[int | None]
"""Milliseconds from registering to confirming; None: confirmed, but the time is unknown."""


@dataclass(frozen=True, slots=True)
class Confirmed:
    """The confirmed accounts of a period or of the whole date range."""

    count: int
    times: list[int]
    """The known times in milliseconds, sorted."""

    @classmethod
    def of(cls, days: Iterable[Times]) -> Self:
        """The accounts of several days together."""
        times = [time for day in days for time in day]
        return cls(len(times), sorted(time for time in times if time is not None))

    def within(self, milliseconds: int) -> int:
        """How many confirmed within this time."""
        return bisect_right(self.times, milliseconds)

    def percentile(self, tenths: int) -> float | None:
        """The time in seconds at rank (n - 1) * tenths / 10, with linear interpolation.

        The same as numpy's `percentile`, `statistics.quantiles` (inclusive) and PERCENTILE in
        spreadsheets.
        """
        if not self.times:
            return None
        low, part = divmod((len(self.times) - 1) * tenths, 10)
        below, above = self.times[low], self.times[min(low + 1, len(self.times) - 1)]
        # The interpolation gives at most tenths of a millisecond.
        return round((below + (above - below) * part / 10) / 1000, 4)


def confirmation_times(
    database: Database[Document], dates: DateRange, now: datetime
) -> dict[int, Times]:
    """The times of the accounts registered in the date range, by the number of the day.

    Deleted accounts are included, from their deletion records.
    """
    registered = {"registered_on": {"$gte": dates.since, "$lt": dates.until}}
    departed = {"confirmed_on": {"$gt": EPOCH}, "gone_on": {"$lte": now}}
    elapsed = {"$subtract": ["$confirmed_on", "$registered_on"]}
    by_day = {"$group": {"_id": DAY_OF_REGISTRATION, "times": {"$push": elapsed}}}
    found: dict[int, Times] = {}
    for name, query in (("users", {"confirmed": True}), ("departed", departed)):
        for row in database[name].aggregate([{"$match": query | registered}, by_day]):
            found.setdefault(int(row["_id"]), []).extend(row["times"])
    return found
