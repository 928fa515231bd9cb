"""What MongoDB counts for the funnel: a few small tables, whatever the number of accounts."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pymongo
from pymongo.database import Database

from app.clock import EPOCH
from app.users.funnel.confirmed import confirmed_pipeline, grain_expression
from app.users.funnel.in_memory import confirmed_in_memory
from app.users.funnel.span import Span
from app.users.indexes import is_mock

Document = dict[str, Any]

# Seconds. Counting millions takes longer than whatever else a page asks for.
_PATIENCE = 20


@dataclass(frozen=True, slots=True)
class Counts:
    """Each a list of documents: `n`, and in `_id` what it is counted by, `g` being the day or
    week of registration."""

    confirmed: list[Document]
    """See `confirmed_pipeline`."""
    unconfirmed: list[Document]
    """Whatever is in `users`: those that MongoDB is about to delete as well."""
    overdue: list[Document]
    """Of these, whose time is over; by `noted` (`departed` has them already), `resends` and
    `refused`."""
    departed: list[Document]
    """By `how`, `confirmed`, `resends` and `refused`."""
    refused: list[Document]
    resent: list[Document]
    """By `resends` and `confirmed`; only accounts that have asked for more than one mail."""


def count(database: Database[Document], span: Span, now: datetime) -> Counts:
    """Counts; the queries run side by side, as each keeps one core of the server busy."""
    queries = (_confirmed, _unconfirmed, _overdue, _departed, _refused, _resent)

    def run(query: Callable[[Database[Document], Span, datetime], Iterable[Document]]) -> Any:
        with pymongo.timeout(_PATIENCE):
            return list(query(database, span, now))

    with ThreadPoolExecutor(len(queries)) as pool:
        return Counts(*pool.map(run, queries))


# A new claim and a reminder raise the version as well: only where nobody has counted what was asked
# for (accounts from before, or made by other means) it stands for it.
_RESENDS = {"$ifNull": ["$resends", {"$subtract": ["$token_version", 1]}]}


def _registered(span: Span) -> Document:
    return {"$gte": span.since, "$lt": span.until}


def _grouped(span: Span, **by: Any) -> Document:
    return {"$group": {"_id": {"g": grain_expression(span), **by}, "n": {"$sum": 1}}}


def _confirmed(database: Database[Document], span: Span, now: datetime) -> Iterable[Document]:
    if is_mock(database):
        return confirmed_in_memory(database, span, now)
    return database["users"].aggregate(confirmed_pipeline(span, now), allowDiskUse=True)


def _unconfirmed(database: Database[Document], span: Span, _now: datetime) -> Iterable[Document]:
    query = {"confirmed": False, "registered_on": _registered(span)}
    return database["users"].aggregate([{"$match": query}, _grouped(span)])


def _overdue(database: Database[Document], span: Span, now: datetime) -> Iterable[Document]:
    """A handful: MongoDB deletes them within a minute or two.

    Asked for by `expires_on` alone, so that no other index looks as good as the one on that.
    """
    since, until = _registered(span).values()
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
        [{"$match": {"expires_on": {"$lte": now}}}, {"$lookup": note}, _grouped(span, **by)]
    )
    return (row for row in found if row["_id"]["counts"])


def _departed(database: Database[Document], span: Span, now: datetime) -> Iterable[Document]:
    query = {"registered_on": _registered(span), "gone_on": {"$lte": now}}
    by = {
        "how": "$how",
        "confirmed": {"$gt": ["$confirmed_on", EPOCH]},
        "resends": "$resends",
        "refused": "$refused",
    }
    return database["departed"].aggregate([{"$match": query}, _grouped(span, **by)])


def _refused(database: Database[Document], span: Span, _now: datetime) -> Iterable[Document]:
    query = {"confirm_mail.refused": {"$gt": ""}, "registered_on": _registered(span)}
    return database["users"].aggregate([{"$match": query}, _grouped(span)])


def _resent(database: Database[Document], span: Span, _now: datetime) -> Iterable[Document]:
    query = {"token_version": {"$gt": 1}, "registered_on": _registered(span)}
    by = {"resends": _RESENDS, "confirmed": "$confirmed"}
    return database["users"].aggregate([{"$match": query}, _grouped(span, **by)])
