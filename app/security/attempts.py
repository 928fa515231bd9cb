"""Counts attempts for all processes, and reports the ones over a limit.

In MongoDB one command counts any number of attempts: an unordered bulk of guarded upserts. When a
count is full, its guard matches nothing, so the upsert tries to insert, and the index on `_id`
refuses the insert. The answer names the refused upserts. Only then does a second command
look up at what time these counts end.
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
    """One attempt to count."""

    rule: str
    """The name of the rule, from a fixed set."""
    key: str
    """What the rule counts by: the address of a client or of an account."""
    limit: int
    window: int
    """Seconds, from the first attempt on."""


class Attempts(Protocol):
    """A storage that counts attempts."""

    def count(self, attempts: Sequence[Attempt], now: datetime) -> list[tuple[Attempt, int]]:
        """Counts each attempt that its rule allows.

        Returns:
            The attempts over their limit, which were not counted, each with the seconds until its
            window ends.
        """


class MongoAttempts:
    """Counts in the collection `limits`: one document for each key, deleted after its window.

    Args:
        database: shared by all processes.
        secret: the key of the HMACs that are stored instead of addresses and ids.
    """

    def __init__(self, database: Database[Document], secret: str) -> None:
        # Not a majority: a failover may lose a count, which gives only a few more tries.
        self._counts: Collection[Document] = database.get_collection(
            "limits", write_concern=WriteConcern(w=1)
        )
        self._secret = secret.encode()

    def count(self, attempts: Sequence[Attempt], now: datetime) -> list[tuple[Attempt, int]]:
        """Raises PyMongoError when it cannot count. The attempts must then be refused."""
        refused = self._count_allowed(attempts, now)
        if not refused:
            return []
        found = {
            counted["_id"]: counted
            for counted in self._counts.find({"_id": {"$in": [self._id(a) for a in refused]}})
        }
        full = [a for a in refused if self._is_full(found.get(self._id(a)), a, now)]
        # When two first attempts collide, one insert is refused although the limit is not reached.
        raced = [a for a in refused if a not in full]
        if raced:
            full += self._count_allowed(raced, now)
        return [(a, self._seconds_left(found.get(self._id(a)), a, now)) for a in full]

    def _count_allowed(self, attempts: Sequence[Attempt], now: datetime) -> list[Attempt]:
        """Counts the attempts; returns the ones that the index refused."""
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
    """Attempts cannot be counted, so they must be refused."""


class LibraryAttempts:
    """Counts with the library `limits`: in memory, Redis, memcached.

    The library is imported only when it is used, because the import takes longer than that of the
    whole app.

    Args:
        uri: the storage, as the library writes it: `memory://`.

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
        # When memcached refuses the connection, its library raises an OSError, not an error of its
        # own.
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
                # Floats: 900 seconds may be a millionth more.
                full.append((attempt, max(1, ceil(round(reset - now.timestamp(), 3)))))
        return full
