"""Counts attempts, and says which were too many: in MongoDB, for all processes at once.

One command counts any number of attempts: an unordered bulk of guarded upserts. Where a count is
full the guard finds nothing, so the upsert inserts, and the index on `_id` refuses: the answer
names the counts that are full. Only then is there a second command, which asks until when.
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

Document = dict[str, Any]

_DUPLICATE_KEY = 11000


@dataclass(frozen=True, slots=True)
class Attempt:
    """One that counts under a rule."""

    rule: str
    """One of a fixed set of words."""
    key: str
    """Whose: an address of a client, or of an account."""
    limit: int
    window: int
    """Seconds, from the first attempt on."""


class Attempts(Protocol):
    """Somewhere to count."""

    def count(self, attempts: Sequence[Attempt], now: datetime) -> list[tuple[Attempt, int]]:
        """Counts each attempt that its rule allows.

        Returns:
            Those that were too many, and so not counted, each with the seconds until its window
            is over.
        """


class MongoAttempts:
    """Counts in the collection `limits`: a document for each key in use, gone with its window.

    Args:
        database: shared by all processes.
        secret: the addresses that are counted are stored as its HMACs, not as they are.
    """

    def __init__(self, database: Database[Document], secret: str) -> None:
        # A count that a fail-over loses is a few more tries; no reason to wait for a majority.
        self._counts: Collection[Document] = database.get_collection(
            "limits", write_concern=WriteConcern(w=1)
        )
        self._secret = secret.encode()

    def count(self, attempts: Sequence[Attempt], now: datetime) -> list[tuple[Attempt, int]]:
        """Raises PyMongoError when it cannot count: then nothing is known to be allowed."""
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


class LibraryAttempts:
    """Counts where the library `limits` can: in memory, Redis, memcached.

    It is loaded when it is needed: it takes longer to import than all of this app.

    Args:
        uri: as the library has it, such as `memory://`.

    Raises:
        limits.errors.ConfigurationError: the URI means nothing to it.
    """

    def __init__(self, uri: str) -> None:
        from limits.storage import storage_from_string
        from limits.strategies import FixedWindowRateLimiter

        storage: Any = storage_from_string(uri)
        self._limiter = FixedWindowRateLimiter(storage)

    def count(self, attempts: Sequence[Attempt], now: datetime) -> list[tuple[Attempt, int]]:
        """Raises whatever the storage does when it is away."""
        from limits import RateLimitItemPerSecond

        full = []
        for attempt in attempts:
            rate = RateLimitItemPerSecond(attempt.limit, attempt.window)
            if not self._limiter.hit(rate, attempt.rule, attempt.key):
                reset = self._limiter.get_window_stats(rate, attempt.rule, attempt.key).reset_time
                full.append((attempt, max(1, round(reset - now.timestamp()))))
        return full
