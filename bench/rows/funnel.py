"""The funnel: the queries of the administrator's page, beside a bare scan of one index."""

import random
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from time import perf_counter
from typing import Any

from pymongo.database import Database
from pymongo.write_concern import WriteConcern

from app.users import indexes
from app.users.clock import utcnow
from app.users.documents import random_id
from app.users.funnel.date_range import By, DateRange
from app.users.funnel.figures import figures
from bench.measure import Spread
from bench.report import Goal, Row, milliseconds
from bench.sides import Sides
from bench.stage import Stage

Document = dict[str, Any]

_YEAR = timedelta(days=364)
_BATCH = 10_000
_TURNS = 3


def counting(stage: Stage, sides: Sides) -> Iterator[Row]:
    """A year of registrations by week; seven in ten are confirmed."""
    del sides
    now, number = utcnow(), stage.effort.accounts
    database = stage.database("funnel")
    _fill(database, number, now)
    span = DateRange((now - _YEAR).date(), now.date(), By.WEEK)
    scans, counts = [], []
    for _turn in range(_TURNS):
        scans.append(_took(lambda: _scan(database, now)))
        counts.append(_took(lambda: figures(database, span, now)))
    yield Row(
        f"the funnel of a year, {number:,} accounts (floor: one covered scan)",
        milliseconds(Spread(tuple(scans))),
        milliseconds(Spread(tuple(counts))),
        Spread(tuple(counts)),
        "s",
        Goal(at_most=2.0),
    )


def _took(work: Callable[[], object]) -> float:
    began = perf_counter()
    work()
    return perf_counter() - began


def _scan(database: Database[Document], now: datetime) -> list[Document]:
    """The least that a count of the confirmed accounts must read."""
    confirmed = {"confirmed": True, "registered_on": {"$gte": now - _YEAR}}
    newest = {"_id": None, "newest": {"$max": "$confirmed_on"}}
    return list(database["users"].aggregate([{"$match": confirmed}, {"$group": newest}]))


def _fill(database: Database[Document], number: int, now: datetime) -> None:
    users = database.get_collection("users", write_concern=WriteConcern(w=1))
    chance = random.Random(7)
    for start in range(0, number, _BATCH):
        size = min(_BATCH, number - start)
        users.insert_many([_account(start + one, chance, now) for one in range(size)])
    # At the end: that takes a tenth of the time.
    list(indexes.apply(database))


def _account(number: int, chance: random.Random, now: datetime) -> Document:
    registered = now - _YEAR * chance.random()
    took = timedelta(seconds=chance.lognormvariate(4, 2))
    confirmed = chance.random() < 0.7 and registered + took < now
    return {
        "_id": random_id(),
        "email": f"a{number}@example.org",
        "email_key": f"a{number}@example.org",
        "password_hash": "hash",
        "registered_on": registered,
        "confirmed": confirmed,
        "confirmed_on": registered + took if confirmed else None,
        # Not overdue: MongoDB would delete them during the count.
        **({} if confirmed else {"expires_on": now + timedelta(days=7)}),
        "token_version": 1 + (chance.random() < 0.1),
        "admin": False,
    }
