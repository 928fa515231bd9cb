"""Counts attempts and reports which were too many, in MongoDB, for all processes.

One command counts any number of attempts: an unordered bulk of guarded upserts. Where a count is
full, the guard finds nothing, so the upsert tries to insert, and the index on `_id` refuses. The
answer names the counts that are full. Only then a second command asks when they end.
"""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil
from typing import Any, Protocol

from pymongo import UpdateOne
from pymongo.collection import Collection
from pymongo.database import Database
from pymongo.errors import BulkWriteError
from pymongo.write_concern import WriteConcern

from app.users.documents import Document

_DUPLICATE_KEY = 11000


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt that counts under a rule."""

    rule: str
    """The name of the rule, from a fixed set."""
    key: str
    """What the rule counts by: the address of a client or of an account."""
    limit: int
    window: int
    """Seconds, from the first attempt on."""


class Attempts(Protocol):
    """Somewhere to count."""

    def count(self, attempts: Sequence[Attempt], now: datetime) -> list[tuple[Attempt, int]]:
        """Counts each attempt that its rule allows.

        Returns:
            Those that were too many, and so were not counted, each with the seconds until its
            window ends.
        """


class MongoAttempts:
    """Counts in the collection `limits`: a document for each key in use, removed after its window.

    Args:
        database: shared by all processes.
        secret: keys are stored as HMACs with it, not as they are.
    """

    def __init__(self, database: Database[Document], secret: str) -> None:
        # A failover may lose a count, which gives a few more tries; that need not wait for a
        # majority.
        self._counts: Collection[Document] = database.get_collection(
            "limits", write_concern=WriteConcern(w=1)
        )
        self._secret = secret.encode()

    def count(self, attempts: Sequence[Attempt], now: datetime) -> list[tuple[Attempt, int]]:
        """Raises PyMongoError when it cannot count. Then nothing may be allowed."""
        refused = self._try(attempts, now)
        if not refused:
            return []
        found = {
            counted["_id"]: counted
            for counted in self._counts.find({"_id": {"$in": [self._id(a) for a in refused]}})
        }
        full = [a for a in refused if self._is_full(found.get(self._id(a)), a, now)]
        # Two first attempts at once: the later insert was refused though there is room.
        raced = [a for a in refused if a not in full]
        if raced:
            full += self._try(raced, now)
        return [(a, self._seconds_left(found.get(self._id(a)), a, now)) for a in full]

    def _try(self, attempts: Sequence[Attempt], now: datetime) -> list[Attempt]:
        """Those that the index refused."""
        try:
            self._counts.bulk_write([self._one_more(a, now) for a in attempts], ordered=False)
        except BulkWriteError as error:
            problems: list[Document] = (error.details or {})["writeErrors"]
            if any(problem["code"] != _DUPLICATE_KEY for problem in problems):
                raise
            return [attempts[problem["index"]] for problem in problems]
        return []

    def _one_more(self, attempt: Attempt, now: datetime) -> UpdateOne:
        over = {"$lte": [{"$ifNull": ["$expires_on", now]}, now]}
        until = now + timedelta(seconds=attempt.window)
        return UpdateOne(
            {
                "_id": self._id(attempt),
                "$or": [{"count": {"$lt": attempt.limit}}, {"expires_on": {"$lte": now}}],
            },
            [
                {
                    "$set": {
                        "count": {"$cond": [over, 1, {"$add": ["$count", 1]}]},
                        "expires_on": {"$cond": [over, until, "$expires_on"]},
                    }
                }
            ],
            upsert=True,
        )

    def _id(self, attempt: Attempt) -> str:
        return f"{attempt.rule}:{hmac.digest(self._secret, attempt.key.encode(), 'sha256').hex()}"

    @staticmethod
    def _is_full(counted: Document | None, attempt: Attempt, now: datetime) -> bool:
        return bool(counted and counted["expires_on"] > now and counted["count"] >= attempt.limit)

    @staticmethod
    def _seconds_left(counted: Document | None, attempt: Attempt, now: datetime) -> int:
        if counted is None:
            return attempt.window
        left: timedelta = counted["expires_on"] - now
        return max(1, ceil(left.total_seconds()))


class StorageUnavailable(Exception):
    """Attempts cannot be counted, and without counting nothing is allowed."""


class LibraryAttempts:
    """Counts with the library `limits`: in memory, Redis, memcached.

    The library is imported when it is needed: it takes longer to import than all of this app.

    Args:
        uri: as the library has it, such as `memory://`.

    Raises:
        StorageUnavailable: the library does not understand the URI, or lacks a driver for it.
    """

    def __init__(self, uri: str) -> None:
        from limits.errors import ConfigurationError
        from limits.storage import storage_from_string
        from limits.strategies import FixedWindowRateLimiter

        try:
            storage: Any = storage_from_string(uri)
        except ConfigurationError as error:
            raise StorageUnavailable(str(error)) from error
        base: Any = storage.base_exceptions
        named: tuple[type[Exception], ...] = base if isinstance(base, tuple) else (base,)
        # A memcached that refuses the connection raises an OSError, not an error of its library.
        self._outages: tuple[type[Exception], ...] = (*named, OSError)
        self._limiter = FixedWindowRateLimiter(storage)

    def count(self, attempts: Sequence[Attempt], now: datetime) -> list[tuple[Attempt, int]]:
        """Raises StorageUnavailable when the storage does not answer."""
        try:
            return self._count(attempts, now)
        except self._outages as error:
            raise StorageUnavailable(type(error).__name__) from error

    def _count(self, attempts: Sequence[Attempt], now: datetime) -> list[tuple[Attempt, int]]:
        from limits import RateLimitItemPerSecond

        full = []
        for attempt in attempts:
            rate = RateLimitItemPerSecond(attempt.limit, attempt.window)
            if not self._limiter.hit(rate, attempt.rule, attempt.key):
                reset = self._limiter.get_window_stats(rate, attempt.rule, attempt.key).reset_time
                full.append((attempt, max(1, round(reset - now.timestamp()))))
        return full
