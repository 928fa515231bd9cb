"""What MongoDB counts for the funnel, as a few tables."""

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

# Seconds. Counting millions of accounts takes longer than any other query of a page.
_TIME_LIMIT = 20


@dataclass(frozen=True, slots=True)
class Counts:
    """Each table but `confirmed` is a list of groups. `n` is the number of accounts, and `_id` has
    the values that they share. One of these is `day`, the number of the day of registration."""

    confirmed: dict[int, Times]
    """By the number of the day."""
    unconfirmed: list[Document]
    """The unconfirmed accounts in `users`, with those that MongoDB is about to delete."""
    overdue: list[Document]
    """The expired ones of these, by `recorded` (whether there is a deletion record already),
    `resends` and `refused`."""
    departed: list[Document]
    """The deletion records, by `how`, `confirmed`, `resends` and `refused`."""
    refused: list[Document]
    resent: list[Document]
    """Accounts that have asked for more than one mail, by `resends` and `confirmed`."""
    guarded: int
    """Accounts with a second factor. Only confirmed ones can have one."""


def count(database: Database[Document], dates: DateRange, now: datetime) -> Counts:
    """Runs all queries in parallel, since each one uses one core of the server."""
    queries = (confirmation_times, _unconfirmed, _overdue, _departed, _refused, _resent, _guarded)

    def run(query: Callable[[Database[Document], DateRange, datetime], Any]) -> Any:
        with pymongo.timeout(_TIME_LIMIT):
            return query(database, dates, now)

    with ThreadPoolExecutor(len(queries)) as pool:
        return Counts(*pool.map(run, queries))


# Older documents, and those made by other programs, have no count. There the version serves as the
# count, although a new claim and a reminder raise it too.
_RESENDS = {"$ifNull": ["$resends", {"$subtract": ["$token_version", 1]}]}


def _registered(dates: DateRange) -> Document:
    return {"$gte": dates.since, "$lt": dates.until}


def _by_day(**by: Any) -> Document:
    return {"$group": {"_id": {"day": DAY_OF_REGISTRATION, **by}, "n": {"$sum": 1}}}


def _unconfirmed(database: Database[Document], dates: DateRange, _now: datetime) -> list[Document]:
    query = {"confirmed": False, "registered_on": _registered(dates)}
    return list(database["users"].aggregate([{"$match": query}, _by_day()]))


def _overdue(database: Database[Document], dates: DateRange, now: datetime) -> list[Document]:
    """Expired accounts. There are few, since MongoDB deletes them within a minute or two.

    The query names only `expires_on`, so that MongoDB uses the index on it.
    """
    since, until = _registered(dates).values()
    inside = [{"$gte": ["$registered_on", since]}, {"$lt": ["$registered_on", until]}]
    record = {"from": "departed", "localField": "_id", "foreignField": "_id", "as": "record"}
    by = {
        "counts": {"$and": [{"$eq": ["$confirmed", False]}, *inside]},
        "recorded": {"$gt": [{"$size": "$record"}, 0]},
        "confirmed": "$confirmed",
        "resends": _RESENDS,
        "refused": {"$ne": [{"$ifNull": ["$confirm_mail.refused", None]}, None]},
    }
    found = database["users"].aggregate(
        [{"$match": {"expires_on": {"$lte": now}}}, {"$lookup": record}, _by_day(**by)]
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


def _guarded(database: Database[Document], dates: DateRange, _now: datetime) -> int:
    """Two queries, each by a partial index: accounts with an app, and those with passkeys only."""
    in_range = {"registered_on": _registered(dates)}
    with_app = {**in_range, "totp.id": {"$gt": ""}}
    with_passkeys = {**in_range, "passkeys.id": {"$gt": ""}}
    also_app: Document = {"$group": {"_id": {"$gt": ["$totp.id", None]}, "n": {"$sum": 1}}}
    users = database["users"]
    groups = users.aggregate([{"$match": with_passkeys}, also_app])
    only_passkeys = sum(int(group["n"]) for group in groups if not group["_id"])
    return users.count_documents(with_app) + only_passkeys
