"""Generated accounts, and the figures of the funnel computed from them in plain Python."""

import random
import statistics
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from typing import Any

from bson import ObjectId

from app.users.clock import EPOCH

Document = dict[str, Any]

SECOND, MINUTE, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(days=1)
MS = timedelta(milliseconds=1)
WITHIN = {"10 minutes": 10 * MINUTE, "an hour": 60 * MINUTE, "a day": DAY, "a week": 7 * DAY}
# Durations at the edges of the bins, and a millisecond more.
_EXACT = [edge + off * MS for edge in (0 * MS, 20 * SECOND, *WITHIN.values()) for off in (0, 1)]


@dataclass(frozen=True)
class Made:
    """What happens to one account."""

    registered_on: datetime
    confirmed_on: datetime | None
    fate: str
    """`there`, `overdue` (expired but not deleted by MongoDB yet), or how it was removed."""
    recorded: bool
    """Whether a deletion record exists."""
    resends: int
    extra_claims: int
    refused: bool
    foreign: bool
    """Stored by another program, without the fields that only this app has."""
    confirmed: bool


def make(number: int, first: datetime, last: datetime, now: datetime) -> list[Made]:
    """Generates accounts from a fixed seed: the same ones on every run."""
    draw = random.Random(7)  # noqa: S311 (nothing secret)
    return [_account(draw, first, last, now) for _ in range(number)]


def _account(draw: random.Random, first: datetime, last: datetime, now: datetime) -> Made:
    registered_on = first + draw.randrange((last - first) // MS) * MS
    if draw.random() < 0.02:  # exactly at midnight, or a millisecond before
        registered_on = registered_on.replace(hour=0, minute=0, second=0, microsecond=0)
        registered_on -= draw.choice([0, 1]) * MS
    took = int(draw.lognormvariate(5.2, 2.2) * 1000) * MS
    if draw.random() < 0.05:
        took = draw.choice(_EXACT)
    confirms = draw.random() < 0.7 and registered_on + took < now
    foreign = draw.random() < 0.1
    fate = "there"
    # Some imported accounts are confirmed without a date.
    dated = confirms and draw.random() > 0.01
    if dated and draw.random() < 0.05:
        fate = "deleted"
    elif not confirms and registered_on + 7 * DAY < now:
        fate = draw.choices(["expired", "disowned", "started_over", "overdue"], [90, 3, 6, 1])[0]
    elif not confirms and draw.random() < 0.1:
        fate = draw.choice(["disowned", "started_over"])
    return Made(
        registered_on=registered_on,
        confirmed_on=registered_on + took if dated else None,
        fate=fate,
        recorded=fate not in {"there", "overdue"} or (fate == "overdue" and draw.random() < 0.5),
        resends=draw.choices([0, 1, 2, 5], [80, 14, 4, 2])[0],
        extra_claims=0 if foreign else draw.choices([0, 1], [95, 5])[0],
        refused=draw.random() < 0.02,
        foreign=foreign,
        confirmed=confirms,
    )


def documents(accounts: list[Made], now: datetime) -> tuple[list[Document], list[Document]]:
    """The documents of `users` and `departed`, with tombstones and records of later deletions."""
    users, records = [], []
    for n, made in enumerate(accounts):
        _id = ObjectId()
        if made.fate in {"there", "overdue"}:
            users.append(_user(_id, n, made, now))
        if made.recorded:
            records.append(_record(_id, made, now))
        if made.fate == "there" and not made.confirmed and n % 10 == 0:
            records.append(_record(_id, made, now + DAY))  # expires tomorrow
        if made.fate == "deleted" and n % 3 == 0:
            users.append(_tombstone(_id, now))
    return users, records


def _user(_id: ObjectId, n: int, made: Made, now: datetime) -> Document:
    user: Document = {
        "_id": _id,
        "email": f"{n}@example.org",
        "email_key": f"{n}@example.org",
        "password_hash": "hash",
        "registered_on": made.registered_on,
        "confirmed": made.confirmed,
        "confirmed_on": made.confirmed_on,
        "token_version": 1 + made.resends + made.extra_claims,
        "admin": False,
    }
    if not made.foreign:
        user["resends"] = made.resends
    if not made.foreign or made.refused:
        user["confirm_mail"] = {"id": "1", "refused": "550 unknown" if made.refused else None}
    if not made.confirmed:
        user["expires_on"] = now - SECOND if made.fate == "overdue" else now + 8 * DAY
        return user
    if n % 3 == 0:
        user["totp"] = {"id": str(n)}
    if n % 4 == 0:  # two passkeys, or none any more
        user["passkeys"] = [{"id": f"{n}-1"}, {"id": f"{n}-2"}] if n % 8 == 0 else []
    return user


def _record(_id: ObjectId, made: Made, now: datetime) -> Document:
    return {
        "_id": _id,
        "registered_on": made.registered_on,
        "confirmed_on": made.confirmed_on,
        "gone_on": now,
        "how": "expired" if made.fate in {"overdue", "there"} else made.fate,
        "resends": made.resends,
        "refused": made.refused,
        "sure": False,
    }


def _tombstone(_id: ObjectId, now: datetime) -> Document:
    return {
        "_id": _id,
        "email": "",
        "email_key": f"deleted:{_id}",
        "password_hash": "hash",
        "registered_on": EPOCH,
        "confirmed": False,
        "confirmed_on": None,
        "token_version": 3,
        "admin": False,
        "expires_on": now + 4 * DAY,
    }


# The figures in plain Python


def start_of(by: str, moment: datetime) -> date:
    """The first day of the day, week or month of a time."""
    day = moment.astimezone(UTC).date()
    match by:
        case "week":
            return date.fromisocalendar(*day.isocalendar()[:2], 1)
        case "month":
            return day.replace(day=1)
        case _:
            return day


def periods(accounts: list[Made], by: str) -> Iterator[tuple[date, list[Made]]]:
    """The accounts by the start of their period."""

    def key(made: Made) -> date:
        return start_of(by, made.registered_on)

    for start, group in groupby(sorted(accounts, key=key), key=key):
        yield start, list(group)


def line(accounts: list[Made]) -> Document:
    """The same values as `line_values`, for a group of accounts."""
    is_fate: Callable[..., int] = lambda *fates: sum(  # noqa: E731
        made.fate in fates and not made.confirmed for made in accounts
    )
    confirmed = sum(made.confirmed for made in accounts)
    times = [
        (made.confirmed_on - made.registered_on) / SECOND for made in accounts if made.confirmed_on
    ]
    return {
        "registered": len(accounts),
        "confirmed": confirmed,
        "waiting": is_fate("there"),
        "expired": is_fate("expired", "overdue"),
        "withdrawn": is_fate("disowned", "started_over"),
        "deleted": sum(made.fate == "deleted" for made in accounts),
        "refused": sum(made.refused for made in accounts),
        "resends": sum(made.resends for made in accounts),
        "share": round(confirmed / len(accounts), 4),
        "median_seconds": _percentile(times, 5),
        "p90_seconds": _percentile(times, 9),
    }


def _percentile(times: list[float], tenths: int) -> float | None:
    if len(times) < 2:
        return times[0] if times else None
    return round(statistics.quantiles(times, n=10, method="inclusive")[tenths - 1], 4)


def within(accounts: list[Made], limit: timedelta) -> int:
    """How many accounts were confirmed within the limit."""
    return sum(
        made.confirmed_on - made.registered_on <= limit for made in accounts if made.confirmed_on
    )


def resent(accounts: list[Made]) -> dict[int, tuple[int, int]]:
    """For each number of resends: the accounts, and the confirmed ones among them."""
    accounts_by_resends = Counter(made.resends for made in accounts)
    confirmed = Counter(made.resends for made in accounts if made.confirmed)
    return {times: (accounts_by_resends[times], confirmed[times]) for times in accounts_by_resends}
