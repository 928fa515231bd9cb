"""The funnel's figures, as a page or a script shows them."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime, time, timedelta
from itertools import chain

from pymongo.database import Database

from app.users.deletion_records import Removal
from app.users.documents import Document
from app.users.funnel.bins import EDGES, WITHIN, bin_of
from app.users.funnel.confirmation_times import TENTHS, grain, ranks
from app.users.funnel.counts import Counts, count
from app.users.funnel.date_range import By, DateRange


@dataclass(frozen=True, slots=True)
class Line:
    """Accounts registered in one period, or in the whole date range.

    `registered` is the sum of the next four: every account has one of these fates.
    """

    start: date
    registered: int
    confirmed: int
    """At any time, whatever became of the account since."""
    waiting: int
    expired: int
    """Deleted unconfirmed, when their time was over."""
    withdrawn: int
    """Disowned, started over, or deleted, unconfirmed."""
    deleted: int
    """Of the confirmed, those that were deleted since."""
    refused: int
    """Whose newest confirmation mail the mail server has refused for good."""
    resends: int
    """Confirmation mails asked for beyond the first."""
    median: float | None
    """Seconds from registering to confirming."""
    p90: float | None

    @property
    def share(self) -> float | None:
        """Of the registered, the part that has confirmed."""
        return self.confirmed / self.registered if self.registered else None


@dataclass(frozen=True, slots=True)
class Cohort:
    """Accounts registered in one week, from Monday."""

    start: date
    registered: int
    confirmed: dict[str, int]
    """By the names in `WITHIN`: how many had confirmed so soon."""
    open: frozenset[str]
    """Those of the names whose time is not over for all of them yet: the number may grow."""


@dataclass(frozen=True, slots=True)
class Figures:
    """All figures."""

    dates: DateRange
    total: Line
    lines: list[Line]
    cohorts: list[Cohort]
    curve: list[tuple[float, int]]
    """How many had confirmed up to so many seconds after registering."""
    resent: list[tuple[int, int, int]]
    """How often another mail was asked for, accounts, those of them that have confirmed."""


def figures(database: Database[Document], dates: DateRange, now: datetime) -> Figures:
    """Everything about the accounts registered in the date range, deleted ones included.

    Raises:
        pymongo.errors.PyMongoError: when MongoDB does not answer in time.
    """
    counts = count(database, dates, now)
    groups = {(row["_id"]["of"], int(row["_id"]["number"])): row for row in counts.confirmed}
    everybody = groups.get(("all", 0))
    tally = _Tally(counts, dates, dates.by)
    numbers = [dates.by.number(start) for start in dates.periods(dates.by)]
    lines = [tally.line(number, groups.get((dates.by.value, number))) for number in numbers]
    total = _sum(dates, lines, everybody)
    return Figures(
        dates=dates,
        total=total,
        lines=lines,
        cohorts=list(_cohorts(_Tally(counts, dates, By.WEEK), dates, groups, now)),
        curve=_curve(everybody),
        resent=_resent(counts, total),
    )


class _Tally:
    """The small tables of `Counts`, folded into days, weeks or months by their numbers."""

    def __init__(self, counts: Counts, dates: DateRange, by: By) -> None:
        self._by, self._grain = by, grain(dates)
        unconfirmed = [row for row in counts.departed if not row["_id"]["confirmed"]]
        expired = [row for row in unconfirmed if row["_id"]["how"] == Removal.EXPIRED]
        self.unconfirmed = self._fold(counts.unconfirmed)
        self.overdue = self._fold(counts.overdue)
        self.expired = self._fold(
            [*expired, *(row for row in counts.overdue if not row["_id"]["noted"])]
        )
        self.withdrawn = self._fold(row for row in unconfirmed if row not in expired)
        self.deleted = self._fold(row for row in counts.departed if row["_id"]["confirmed"])
        gone = [*counts.departed, *_twice(counts)]
        self.refused = self._fold(
            [*counts.refused, *(row for row in gone if row["_id"]["refused"])]
        )
        self.resends = self._fold([*counts.resent, *gone], times="resends")

    def _fold(self, rows: Iterable[Document], times: str = "") -> Counter[int]:
        found: Counter[int] = Counter()
        for row in rows:
            number = int(row["_id"]["g"])
            if self._by is not self._grain:
                number = self._by.number(self._grain.start(number))
            found[number] += row["n"] * (row["_id"][times] if times else 1)
        return found

    def line(self, number: int, confirmed: Document | None) -> Line:
        """The period of that number."""
        waiting = self.unconfirmed[number] - self.overdue[number]
        expired, withdrawn = self.expired[number], self.withdrawn[number]
        count = confirmed["n"] if confirmed else 0
        median, p90 = _percentiles(confirmed)
        return Line(
            start=self._by.start(number),
            registered=count + waiting + expired + withdrawn,
            confirmed=count,
            waiting=waiting,
            expired=expired,
            withdrawn=withdrawn,
            deleted=self.deleted[number],
            refused=self.refused[number],
            resends=self.resends[number],
            median=median,
            p90=p90,
        )


def _twice(counts: Counts) -> list[Document]:
    """Accounts that are in `users` and in the deletion records, as negative counts."""
    return [{**row, "n": -row["n"]} for row in counts.overdue if row["_id"]["noted"]]


def _sum(dates: DateRange, lines: list[Line], confirmed: Document | None) -> Line:
    median, p90 = _percentiles(confirmed)
    sums = {
        field.name: sum(getattr(line, field.name) for line in lines)
        for field in fields(Line)
        if field.name not in {"start", "median", "p90"}
    }
    return Line(start=dates.first, median=median, p90=p90, **sums)


def _percentiles(confirmed: Document | None) -> tuple[float | None, float | None]:
    """In seconds, by linear interpolation (see `TENTHS`)."""
    if not confirmed or not confirmed["known"]:
        return None, None
    between = ranks(confirmed["known"])
    at = dict(zip(sorted(chain(*between)), sorted(confirmed["picks"]), strict=True))
    found = []
    for tenths, (low, high) in zip(TENTHS, between, strict=True):
        part = (confirmed["known"] - 1) * tenths % 10 / 10
        # A tenth of a millisecond is the finest that comes out.
        found.append(round((at[low] + (at[high] - at[low]) * part) / 1000, 4))
    median, p90 = found
    return median, p90


def _cohorts(
    tally: _Tally, dates: DateRange, groups: dict[tuple[str, int], Document], now: datetime
) -> Iterator[Cohort]:
    for start in dates.periods(By.WEEK):
        number = By.WEEK.number(start)
        confirmed = groups.get(("week", number))
        line = tally.line(number, None)
        end = min(datetime.combine(start, time(), UTC) + timedelta(weeks=1), dates.until)
        yield Cohort(
            start=start,
            registered=line.registered + (confirmed["n"] if confirmed else 0),
            confirmed={name: _within(confirmed, edge) for name, edge in WITHIN.items()},
            open=frozenset(
                name for name, edge in WITHIN.items() if end + timedelta(milliseconds=edge) > now
            ),
        )


def _within(confirmed: Document | None, edge: int) -> int:
    """How many had confirmed when that many milliseconds had passed."""
    if not confirmed:
        return 0
    last = bin_of(edge)
    hist = confirmed["hist"]
    return sum(entry["n"] for entry in hist if entry["b"] is not None and entry["b"] <= last)


def _curve(confirmed: Document | None) -> list[tuple[float, int]]:
    return [(edge / 1000, _within(confirmed, edge)) for edge in EDGES]


def _resent(counts: Counts, total: Line) -> list[tuple[int, int, int]]:
    accounts: Counter[int] = Counter()
    confirmed: Counter[int] = Counter()
    for row in [*counts.resent, *counts.departed, *_twice(counts)]:
        times = row["_id"]["resends"]
        accounts[times] += row["n"]
        confirmed[times] += row["n"] if row["_id"]["confirmed"] else 0
    # Accounts that never asked again are in no small table.
    accounts[0] = total.registered - sum(n for times, n in accounts.items() if times)
    confirmed[0] = total.confirmed - sum(n for times, n in confirmed.items() if times)
    return [(times, accounts[times], confirmed[times]) for times in sorted(accounts)]
