"""The connection of this process to MongoDB, and the parts of the domain that use it."""

import os
from collections.abc import Callable
from functools import partial
from threading import Lock
from typing import Any, TypeVar

from flask import Flask, current_app
from pymongo import MongoClient
from pymongo.collection import Collection
from pymongo.database import Database
from pymongo.errors import (
    BulkWriteError,
    ConfigurationError,
    ConnectionFailure,
    CursorNotFound,
    ExecutionTimeout,
    OperationFailure,
    PyMongoError,
)
from pymongo.pool_shared import _PoolClosedError
from pymongo.uri_parser import parse_uri
from werkzeug.local import LocalProxy

from app.observability import audit_log
from app.users.account_search import AccountSearch
from app.users.backends import backend_of
from app.users.decoys import Decoys
from app.users.deletion_records import DeletionRecords
from app.users.documents import Document
from app.users.outbox import Outbox
from app.users.outbox_overview import OutboxOverview
from app.users.refused_letters import RefusedAlike
from app.users.repository import UserRepository
from app.users.store import UserStore

V = TypeVar("V")

# Time-outs, so that a page says "try again" within 5 s even if MongoDB does not answer. `timeoutMS`
# limits a whole operation with its retries. The URI may override each of them.
_OPTIONS: Document = {
    "appname": "latchkey",
    "tz_aware": True,
    "serverSelectionTimeoutMS": 3000,
    "connectTimeoutMS": 2000,
    "socketTimeoutMS": 4000,
    "waitQueueTimeoutMS": 2000,
    "timeoutMS": 3500,
}
_RETRYABLE_LABELS = ("RetryableWriteError", "RetryableError", "SystemOverloadedError")
# Host unreachable, shut down, primary stepped down, time-outs and the like: the codes after which
# drivers try again (MongoDB's specification of retryable reads and writes), and time limits.
_TRANSIENT_CODES = frozenset(
    (6, 7, 50, 64, 89, 91, 133, 134, 189, 262, 9001, 10107, 11600, 11602, 13435, 13436)
)
# The URI cannot override these, because a registration must not get lost with the primary after the
# person has the answer.
_DURABLE: Document = {"w": "majority", "journal": True}


def connect(uri: str) -> Database[Document]:
    """The database that the URI names; `mongomock://` is allowed. It connects when first used."""
    if uri.startswith("mongomock://"):
        import mongomock  # never in production

        client: Any = mongomock.MongoClient("mongodb://" + uri.partition("://")[2], tz_aware=True)
        return client.get_default_database()  # type: ignore[no-any-return]
    try:
        named = {name.lower() for name in parse_uri(uri, validate=False)["options"]}
        options = {name: value for name, value in _OPTIONS.items() if name.lower() not in named}
        client = MongoClient(uri, **options, **_DURABLE)
    except ConfigurationError as error:
        # The URI was checked at start-up, except for the host names that come from DNS.
        if uri.startswith("mongodb+srv://"):
            raise ConnectionFailure(str(error)) from error
        raise
    return client.get_default_database()  # type: ignore[no-any-return]


def is_outage(error: PyMongoError) -> bool:
    """Whether trying again helps: MongoDB cannot be reached, answers too late or elects a primary.

    All other errors are our fault: a failed validator, a missing right, a bad command.
    """
    if isinstance(error, (ConnectionFailure, ExecutionTimeout, CursorNotFound, _PoolClosedError)):
        return True
    if error.timeout or any(error.has_error_label(label) for label in _RETRYABLE_LABELS):
        return True
    return isinstance(error, OperationFailure) and not _TRANSIENT_CODES.isdisjoint(_codes(error))


def _codes(error: OperationFailure) -> set[Any]:
    """MongoDB's error codes; for a bulk, the codes of its writes."""
    details: Any = error.details or {}
    parts = [details]
    if isinstance(error, BulkWriteError):
        parts = [*details.get("writeErrors", ()), *details.get("writeConcernErrors", ())]
    return {error.code, *(part.get("code") for part in parts)}


class Mongo:
    """A Flask extension that makes the client at its first use.

    A MongoClient that is made before a fork can deadlock in the child. Also, the app must start
    without MongoDB, and report that it is not ready.
    """

    def __init__(self, app: Flask) -> None:
        self._uri: str = app.config["MONGODB_URI"]
        self._lock = Lock()
        self._database: Database[Document] | None = None
        self._parts: dict[Any, Any] = {}
        self._pid = 0

    @property
    def database(self) -> Database[Document]:
        """The database of `MONGODB_URI`."""
        with self._lock:
            if self._database is None or self._pid != os.getpid():
                self._database, self._pid = connect(self._uri), os.getpid()
                self._parts.clear()
            return self._database

    @property
    def users(self) -> Collection[Document]:
        """The accounts."""
        return self.database["users"]

    def part(self, make: Callable[[Collection[Document]], V]) -> V:
        """Calls `make` with the collection `users`, once for each connection, and keeps the
        result."""
        database = self.database
        if make not in self._parts:
            self._parts[make] = make(database["users"])
        part: V = self._parts[make]
        return part


def init_app(app: Flask) -> None:
    """Gives the app its connection."""
    app.extensions["mongo"] = Mongo(app)


def current_mongo() -> Mongo:
    """The connection of the current app."""
    mongo: Mongo = current_app.extensions["mongo"]
    return mongo


def _current(make: Callable[[Collection[Document]], V]) -> V:
    """A proxy for a part of the current app's connection."""
    return LocalProxy(lambda: current_mongo().part(make))  # type: ignore[return-value]


def _deletion_records(users: Collection[Document]) -> DeletionRecords:
    return backend_of(users.database).deletion_records(users)


def _outbox(users: Collection[Document]) -> Outbox:
    return backend_of(users.database).outbox(users)


def _outbox_overview(users: Collection[Document]) -> OutboxOverview:
    return backend_of(users.database).outbox_overview(users)


users: UserStore = _current(partial(UserRepository, listener=audit_log.record_event))
decoys = _current(Decoys)
account_search = _current(AccountSearch)
deletion_records = _current(_deletion_records)
outbox = _current(_outbox)
outbox_overview = _current(_outbox_overview)
refused_alike = _current(RefusedAlike)
