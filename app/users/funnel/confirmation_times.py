"""Confirmation times in one pipeline: how many confirmed, how soon, and exact percentiles.

One pass over the index counts each bin of each day (or week) and keeps the times in it; a
percentile is then picked from the one bin that it falls into, by sorting that bin alone.
"""

from datetime import datetime, timedelta
from typing import Any

from app.users.clock import EPOCH
from app.users.documents import Document
from app.users.funnel.bins import bin_expression
from app.users.funnel.date_range import By, DateRange

TENTHS = (5, 9)
"""The percentiles, median and 90th: the value at rank (n - 1) * tenths / 10, between two values
the linear interpolation of both. So do numpy's `percentile`, `statistics.quantiles` (inclusive)
and the PERCENTILE of spreadsheets."""


def ranks(known: int) -> list[tuple[int, int]]:
    """Below and above each percentile, among so many sorted times, from 0."""
    return [((known - 1) * tenths // 10, -(-(known - 1) * tenths // 10)) for tenths in TENTHS]


_DAY_MS, _WEEK_MS = 86_400_000, 7 * 86_400_000
_FIRST_MONDAY = EPOCH - timedelta(days=3)


def grain(dates: DateRange) -> By:
    """The unit that MongoDB counts by; periods are summed from it."""
    return By.WEEK if dates.by is By.WEEK else By.DAY


def grain_expression(dates: DateRange) -> Document:
    """The number of an account's day or week, as `By.number` has it."""
    begin, size = (_FIRST_MONDAY, _WEEK_MS) if grain(dates) is By.WEEK else (EPOCH, _DAY_MS)
    return {"$floor": {"$divide": [{"$subtract": ["$registered_on", begin]}, size]}}


def pipeline(dates: DateRange, now: datetime) -> list[Document]:
    """The pipeline for `users`; it counts deletion records of the confirmed too. Needs MongoDB 5.2.

    Yields a document for each period (`_id: {of: "day" | "week" | "month", number}`), each week
    and all (`of: "all"`): `n` accounts; `hist`, their bins as `{b, n}`; `known`, how many of them
    have a time; and `picks`, the times in milliseconds at all `ranks`, in no order.
    """
    registered = {"$gte": dates.since, "$lt": dates.until}
    departed = {
        "registered_on": registered,
        "confirmed_on": {"$gt": EPOCH},
        "gone_on": {"$lte": now},
    }
    return [
        {"$match": {"confirmed": True, "registered_on": registered}},
        _count(dates),
        {
            "$unionWith": {
                "coll": "departed",
                "pipeline": [{"$match": departed}, _count(dates)],
            }
        },
        {"$project": {"n": 1, "times": 1, "group": _groups(dates)}},
        {"$unwind": "$group"},
        {
            "$group": {
                "_id": {"group": "$group", "b": "$_id.b"},
                "n": {"$sum": "$n"},
                "times": {"$push": _times_where_needed(dates)},
            }
        },
        {"$sort": {"_id.b": 1}},
        {
            "$group": {
                "_id": "$_id.group",
                "n": {"$sum": "$n"},
                # A bin of null: confirmed, but the time is unknown.
                "known": {"$sum": {"$cond": [{"$gt": ["$_id.b", None]}, "$n", 0]}},
                "bins": {"$push": {"b": "$_id.b", "n": "$n", "times": "$times"}},
            }
        },
        {"$set": {"ranks": _ranks()}},
        {
            "$project": {
                "n": 1,
                "known": 1,
                "hist": {"$map": {"input": "$bins", "in": {"b": "$$this.b", "n": "$$this.n"}}},
                "picks": _picks(),
            }
        },
    ]


def _count(dates: DateRange) -> Document:
    elapsed = {"$subtract": ["$confirmed_on", "$registered_on"]}
    return {
        "$group": {
            "_id": {"g": grain_expression(dates), "b": bin_expression(elapsed)},
            "n": {"$sum": 1},
            "times": {"$push": elapsed},
        }
    }


def _groups(dates: DateRange) -> list[Document]:
    """The groups that a day (or week) counts in."""
    everything: Document = {"of": "all", "number": {"$literal": 0}}
    if dates.by is By.WEEK:
        return [everything, {"of": "week", "number": "$_id.g"}]
    week = {"$floor": {"$divide": [{"$add": ["$_id.g", 3]}, 7]}}
    number: Any = "$_id.g"
    if dates.by is By.MONTH:
        day = {"$add": [EPOCH, {"$multiply": ["$_id.g", _DAY_MS]}]}
        number = {"$add": [{"$multiply": [{"$year": day}, 12]}, {"$month": day}, -1]}
    return [everything, {"of": "week", "number": week}, {"of": dates.by.value, "number": number}]


def _times_where_needed(dates: DateRange) -> Any:
    """Cohorts have no percentiles, so their times are left out."""
    if dates.by is By.WEEK:
        return "$times"
    return {"$cond": [{"$eq": ["$group.of", "week"]}, [], "$times"]}


def _ranks() -> list[Document]:
    """`ranks`, for MongoDB."""
    exact = [
        {"$divide": [{"$multiply": [{"$subtract": ["$known", 1]}, tenths]}, 10]}
        for tenths in TENTHS
    ]
    return [{way: rank} for rank in exact for way in ("$floor", "$ceil")]


def _picks() -> Document:
    """Walks through the bins, `at` being how many times came before; sorts those with a rank."""
    upto = {"$add": ["$$value.at", "$$this.n"]}
    here = {
        "$filter": {
            "input": "$ranks",
            "as": "rank",
            "cond": {"$and": [{"$gte": ["$$rank", "$$value.at"]}, {"$lt": ["$$rank", upto]}]},
        }
    }
    joined = {
        "$reduce": {
            "input": "$$this.times",
            "initialValue": [],
            "in": {"$concatArrays": ["$$value", "$$this"]},
        }
    }
    place = {"$toInt": {"$subtract": ["$$rank", "$$value.at"]}}
    picked = {
        "$map": {"input": "$$here", "as": "rank", "in": {"$arrayElemAt": ["$$sorted", place]}}
    }
    sort_and_pick = {
        "$let": {"vars": {"sorted": {"$sortArray": {"input": joined, "sortBy": 1}}}, "in": picked}
    }
    added = {
        "$cond": [
            {"$eq": ["$$here", []]},
            "$$value.picks",
            {"$concatArrays": ["$$value.picks", sort_and_pick]},
        ]
    }
    walked = {
        "$reduce": {
            "input": {"$filter": {"input": "$bins", "cond": {"$gt": ["$$this.b", None]}}},
            "initialValue": {"at": 0, "picks": []},
            "in": {"at": upto, "picks": {"$let": {"vars": {"here": here}, "in": added}}},
        }
    }
    return {"$getField": {"field": "picks", "input": walked}}
