"""What MongoDB counts for the funnel: a few small tables, whatever the number of accounts."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pymongo
from pymongo.database import Database

from app.users.clock import EPOCH
from app.users.documents import Document
from app.users.funnel.confirmation_times import DAY_OF_REGISTRATION, Times, confirmation_times
from app.users.funnel.date_range import DateRange

# Seconds. Counting millions takes longer than anything else that a page asks for.
_PATIENCE = 20


@dataclass(frozen=True, slots=True)
class Counts:
    """But for the times, lists of documents: `n`, and in `_id` what it is counted by, `day` being
    the number of the day of registration."""

    confirmed: dict[int, Times]
    """By the number of the day."""
    unconfirmed: list[Document]
    """All in `users`, with those that MongoDB is about to delete."""
    overdue: list[Document]
    """Of these, the expired; by `noted` (there is a deletion record already), `resends` and
    `refused`."""
    departed: list[Document]
    """By `how`, `confirmed`, `resends` and `refused`."""
    refused: list[Document]
    resent: list[Document]
    """By `resends` and `confirmed`; only accounts that have asked for more than one mail."""


def count(database: Database[Document], dates: DateRange, now: datetime) -> Counts:
    """Counts; the queries run side by side, as each keeps one core of the server busy."""
    queries = (confirmation_times, _unconfirmed, _overdue, _departed, _refused, _resent)

    def run(query: Callable[[Database[Document], DateRange, datetime], Any]) -> Any:
        with pymongo.timeout(_PATIENCE):
            return query(database, dates, now)

    with ThreadPoolExecutor(len(queries)) as pool:
        return Counts(*pool.map(run, queries))


# A new claim and a reminder raise the version too. So it stands for the number of mails only in
# documents without a count: older ones, and those made by other means.
_RESENDS = {"$ifNull": ["$resends", {"$subtract": ["$token_version", 1]}]}


def _registered(dates: DateRange) -> Document:
    return {"$gte": dates.since, "$lt": dates.until}


def _by_day(**by: Any) -> Document:
    return {"$group": {"_id": {"day": DAY_OF_REGISTRATION, **by}, "n": {"$sum": 1}}}


def _unconfirmed(database: Database[Document], dates: DateRange, _now: datetime) -> list[Document]:
    query = {"confirmed": False, "registered_on": _registered(dates)}
    return list(database["users"].aggregate([{"$match": query}, _by_day()]))


def _overdue(database: Database[Document], dates: DateRange, now: datetime) -> list[Document]:
    """There are few: MongoDB deletes them within a minute or two.

    The query is by `expires_on` alone, so that MongoDB chooses the index on it.
    """
    since, until = _registered(dates).values()
    inside = [{"$gte": ["$registered_on", since]}, {"$lt": ["$registered_on", until]}]
    note = {"from": "departed", "localField": "_id", "foreignField": "_id", "as": "note"}
    by = {
        "counts": {"$and": [{"$eq": ["$confirmed", False]}, *inside]},
        "noted": {"$gt": [{"$size": "$note"}, 0]},
        "confirmed": "$confirmed",
        "resends": _RESENDS,
        "refused": {"$ne": [{"$ifNull": ["$confirm_mail.refused", None]}, None]},
    }
    found = database["users"].aggregate(
        [{"$match": {"expires_on": {"$lte": now}}}, {"$lookup": note}, _by_day(**by)]
    )
    return [row for row in found if row["_id"]["counts"]]


def _departed(database: Database[Document], dates: DateRange, now: datetime) -> list[Document]:
    query = {"registered_on": _registered(dates), "gone_on": {"$lte": now}}
    by = {
        "how": "$how",
        "confirmed": {"$gt": ["$confirmed_on", EPOCH]},
        "resends": "$resends",
        "refused": "$refused",
    }
    return list(database["departed"].aggregate([{"$match": query}, _by_day(**by)]))


def _refused(database: Database[Document], dates: DateRange, _now: datetime) -> list[Document]:
    query = {"confirm_mail.refused": {"$gt": ""}, "registered_on": _registered(dates)}
    return list(database["users"].aggregate([{"$match": query}, _by_day()]))


def _resent(database: Database[Document], dates: DateRange, _now: datetime) -> list[Document]:
    query = {"token_version": {"$gt": 1}, "registered_on": _registered(dates)}
    by = {"resends": _RESENDS, "confirmed": "$confirmed"}
    return list(database["users"].aggregate([{"$match": query}, _by_day(**by)]))
