"""What MongoDB and mongomock do differently, all in one place.

mongomock is the in-memory store of the tests, and what `make run` falls back to. It has no schema
validators, no `$merge` and no array filters, and its positional updates are wrong in one case.
`Mongomock` does these things in Python; it is never used with a server.
"""

from datetime import datetime

from pymongo.collection import Collection
from pymongo.database import Database

from app.users.deletion_records import (
    COUNTED,
    STEP_TAKES,
    DeletionRecords,
    Removal,
    expiring,
    record_of,
)
from app.users.documents import Document
from app.users.outbox import Outbox
from app.users.outbox_overview import OutboxOverview

Users = Collection[Document]


class MongoDB:
    """A real server."""

    in_memory = False
    has_validators = True

    def outbox(self, users: Users) -> Outbox:
        """The queue of owed letters, for the worker."""
        return Outbox(users)

    def outbox_overview(self, users: Users) -> OutboxOverview:
        """The queue of owed letters, for administrators."""
        return OutboxOverview(users)

    def deletion_records(self, users: Users) -> DeletionRecords:
        """The records of accounts that are gone."""
        return DeletionRecords(users)

    def writable(self, database: Database[Document]) -> bool:
        """Whether the server takes writes."""
        return bool(database.command("hello").get("isWritablePrimary"))


class Mongomock(MongoDB):
    """An in-memory database."""

    in_memory = True
    has_validators = False

    def outbox(self, users: Users) -> Outbox:
        return _MongomockOutbox(users)

    def outbox_overview(self, users: Users) -> OutboxOverview:
        return _MongomockOutboxOverview(users)

    def deletion_records(self, users: Users) -> DeletionRecords:
        return _MongomockDeletionRecords(users)

    def writable(self, database: Database[Document]) -> bool:
        return True


def backend_of(database: Database[Document]) -> MongoDB:
    """The backend of a database."""
    return _MONGOMOCK if type(database).__module__.startswith("mongomock") else _MONGODB


_MONGODB, _MONGOMOCK = MongoDB(), Mongomock()


class _MongomockOutbox(Outbox):
    def _take(self, due: Document, lease: Document, fencing_id: str) -> Document | None:
        # mongomock's find_one_and_update applies `outbox.$` to the first letter, even if it is not
        # due.
        self._users.update_one(due, lease)
        return self._users.find_one({"outbox.lease": fencing_id}, {"events": 0})


class _MongomockOutboxOverview(OutboxOverview):
    def retry_all(self, kind: str, now: datetime) -> int:
        troubled = {"kind": kind, "lease": None, "trouble": {"$gt": ""}}
        accounts = list(self._users.find({"outbox": {"$elemMatch": troubled}}))
        for account in accounts:
            for letter in account["outbox"]:
                if letter["kind"] == kind:
                    self.retry(account["_id"], letter["id"], now)
        return len(accounts)


class _MongomockDeletionRecords(DeletionRecords):
    def record_expiring(self, now: datetime) -> None:
        for account in self._users.find(expiring(now), COUNTED):
            record = record_of(account, Removal.EXPIRED, account["expires_on"])
            self._records.replace_one({"_id": account["_id"]}, record, upsert=True)

    def review(self, now: datetime) -> None:
        for record in list(self._records.find({"sure": False})):
            account = self._users.find_one({"_id": record["_id"], "email": {"$ne": ""}})
            if account and _still_exists(account, record, now):
                self._records.delete_one({"_id": record["_id"]})
            elif not account and record["gone_on"] <= now:
                self._records.update_one({"_id": record["_id"]}, {"$set": {"sure": True}})


def _still_exists(account: Document, record: Document, now: datetime) -> bool:
    if record["how"] == Removal.EXPIRED:
        return bool(account["confirmed"] or account["expires_on"] > record["gone_on"])
    return bool(record["gone_on"] < now - STEP_TAKES)
