"""The funnel's figures, as a page or a script shows them."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime, time, timedelta

from pymongo.database import Database

from app.users.deletion_records import Removal
from app.users.documents import Document
from app.users.funnel.confirmation_times import Confirmed, Times
from app.users.funnel.counts import Counts, count
from app.users.funnel.date_range import By, DateRange
from app.users.funnel.edges import EDGES, WITHIN


@dataclass(frozen=True, slots=True)
class Line:
    """Accounts registered in one period, or in the whole date range.

    `registered` is the sum of the next four fields: every account counts in exactly one of them.
    """

    start: date
    registered: int
    confirmed: int
    """Confirmed at any time, even if the account was deleted later."""
    waiting: int
    expired: int
    """Deleted because they were not confirmed in time."""
    withdrawn: int
    """Unconfirmed accounts that were deleted in another way: disowned, started over, and so on."""
    deleted: int
    """Confirmed accounts that were deleted later."""
    refused: int
    """Accounts whose newest confirmation mail the mail server has refused for good."""
    resends: int
    """Confirmation mails asked for beyond the first."""
    median: float | None
    """Seconds from registering to confirming."""
    p90: float | None

    @property
    def share(self) -> float | None:
        """Confirmed accounts divided by registered ones; None when nobody registered."""
        return self.confirmed / self.registered if self.registered else None


@dataclass(frozen=True, slots=True)
class Cohort:
    """Accounts registered in one week, from Monday."""

    start: date
    registered: int
    confirmed: dict[str, int]
    """How many confirmed within each time of `WITHIN`, by its name."""
    open: frozenset[str]
    """The names of times that are not over yet for every account: these numbers may grow."""


@dataclass(frozen=True, slots=True)
class Figures:
    """All figures."""

    dates: DateRange
    total: Line
    lines: list[Line]
    cohorts: list[Cohort]
    curve: list[tuple[float, int]]
    """Pairs: seconds after registering, and how many had confirmed by then."""
    resent: list[tuple[int, int, int]]
    """Triples: a number of resends, the accounts with it, and how many of these confirmed."""
    guarded: int
    """Confirmed accounts that have a second factor."""


def figures(database: Database[Document], dates: DateRange, now: datetime) -> Figures:
    """Everything about the accounts registered in the date range, deleted ones included.

    Raises:
        pymongo.errors.PyMongoError: when MongoDB does not answer in time.
    """
    counts = count(database, dates, now)
    everybody = Confirmed.of(counts.confirmed.values())
    by_period = _by_period(counts.confirmed, dates.by)
    tally = _Tally(counts, dates.by)
    weeks = (by_period, tally)
    if dates.by is not By.WEEK:
        weeks = (_by_period(counts.confirmed, By.WEEK), _Tally(counts, By.WEEK))
    numbers = [dates.by.number(start) for start in dates.periods(dates.by)]
    lines = [tally.line(number, by_period.get(number, _NOBODY)) for number in numbers]
    total = _sum(dates, lines, everybody)
    return Figures(
        dates=dates,
        total=total,
        lines=lines,
        cohorts=list(_cohorts(*weeks, dates, now)),
        curve=[(edge / 1000, everybody.within(edge)) for edge in EDGES],
        resent=_resent(counts, total),
        guarded=counts.guarded,
    )


_NOBODY = Confirmed(0, [])


def _by_period(days: dict[int, Times], by: By) -> dict[int, Confirmed]:
    """Joins the confirmed accounts of days into periods."""
    groups: dict[int, list[Times]] = {}
    for day, times in days.items():
        groups.setdefault(by.number(By.DAY.start(day)), []).append(times)
    return {number: Confirmed.of(group) for number, group in groups.items()}


class _Tally:
    """The tables of `Counts`, summed by the numbers of days, weeks or months."""

    def __init__(self, counts: Counts, by: By) -> None:
        self._by = by
        unconfirmed = [row for row in counts.departed if not row["_id"]["confirmed"]]
        expired = [row for row in unconfirmed if row["_id"]["how"] == Removal.EXPIRED]
        self.unconfirmed = self._add_up(counts.unconfirmed)
        self.overdue = self._add_up(counts.overdue)
        self.expired = self._add_up(
            [*expired, *(row for row in counts.overdue if not row["_id"]["recorded"])]
        )
        self.withdrawn = self._add_up(row for row in unconfirmed if row not in expired)
        self.deleted = self._add_up(row for row in counts.departed if row["_id"]["confirmed"])
        gone = [*counts.departed, *_counted_twice(counts)]
        self.refused = self._add_up(
            [*counts.refused, *(row for row in gone if row["_id"]["refused"])]
        )
        self.resends = self._add_up([*counts.resent, *gone], times="resends")

    def _add_up(self, rows: Iterable[Document], times: str = "") -> Counter[int]:
        found: Counter[int] = Counter()
        for row in rows:
            number = self._by.number(By.DAY.start(int(row["_id"]["day"])))
            found[number] += row["n"] * (row["_id"][times] if times else 1)
        return found

    def line(self, number: int, confirmed: Confirmed) -> Line:
        """The period of that number."""
        waiting = self.unconfirmed[number] - self.overdue[number]
        expired, withdrawn = self.expired[number], self.withdrawn[number]
        return Line(
            start=self._by.start(number),
            registered=confirmed.count + waiting + expired + withdrawn,
            confirmed=confirmed.count,
            waiting=waiting,
            expired=expired,
            withdrawn=withdrawn,
            deleted=self.deleted[number],
            refused=self.refused[number],
            resends=self.resends[number],
            median=confirmed.percentile(5),
            p90=confirmed.percentile(9),
        )


def _counted_twice(counts: Counts) -> list[Document]:
    """Negative counts for accounts that are both in `users` and in the deletion records."""
    return [{**row, "n": -row["n"]} for row in counts.overdue if row["_id"]["recorded"]]


def _sum(dates: DateRange, lines: list[Line], confirmed: Confirmed) -> Line:
    median, p90 = confirmed.percentile(5), confirmed.percentile(9)
    sums = {
        field.name: sum(getattr(line, field.name) for line in lines)
        for field in fields(Line)
        if field.name not in {"start", "median", "p90"}
    }
    return Line(start=dates.first, median=median, p90=p90, **sums)


def _cohorts(
    by_week: dict[int, Confirmed], tally: _Tally, dates: DateRange, now: datetime
) -> Iterator[Cohort]:
    for start in dates.periods(By.WEEK):
        number = By.WEEK.number(start)
        confirmed = by_week.get(number, _NOBODY)
        end = min(datetime.combine(start, time(), UTC) + timedelta(weeks=1), dates.until)
        yield Cohort(
            start=start,
            registered=tally.line(number, confirmed).registered,
            confirmed={name: confirmed.within(edge) for name, edge in WITHIN.items()},
            open=frozenset(
                name for name, edge in WITHIN.items() if end + timedelta(milliseconds=edge) > now
            ),
        )


def _resent(counts: Counts, total: Line) -> list[tuple[int, int, int]]:
    accounts: Counter[int] = Counter()
    confirmed: Counter[int] = Counter()
    for row in [*counts.resent, *counts.departed, *_counted_twice(counts)]:
        times = row["_id"]["resends"]
        accounts[times] += row["n"]
        confirmed[times] += row["n"] if row["_id"]["confirmed"] else 0
    # No table has accounts without a resend: they are the rest of the total.
    accounts[0] = total.registered - sum(n for times, n in accounts.items() if times)
    confirmed[0] = total.confirmed - sum(n for times, n in confirmed.items() if times)
    return [(times, accounts[times], confirmed[times]) for times in sorted(accounts)]
