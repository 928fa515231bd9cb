"""This process's connection to MongoDB."""

import os
from collections.abc import Callable
from functools import partial
from threading import Lock
from typing import Any, TypeVar

from flask import Flask, current_app
from pymongo import MongoClient
from pymongo.collection import Collection
from pymongo.database import Database
from pymongo.uri_parser import parse_uri
from werkzeug.local import LocalProxy

from app import journal
from app.users.departed import Departed
from app.users.outbox import Outbox
from app.users.people import People
from app.users.queue import Queue
from app.users.repository import UserRepository

Document = dict[str, Any]
V = TypeVar("V")

# Patience, so that a page says "try again" within 5 s whatever MongoDB does. `timeoutMS` caps a
# whole operation, retries included; the URI may override each.
_OPTIONS: Document = {
    "appname": "latchkey",
    "tz_aware": True,
    "serverSelectionTimeoutMS": 3000,
    "connectTimeoutMS": 2000,
    "socketTimeoutMS": 4000,
    "waitQueueTimeoutMS": 2000,
    "timeoutMS": 3500,
}
# Not to be overridden: an answered registration must survive the loss of the primary.
_DURABLE: Document = {"w": "majority", "journal": True}


def connect(uri: str) -> Database[Document]:
    """The database that the URI names, `mongomock://` included; connects when first used."""
    if uri.startswith("mongomock://"):
        import mongomock  # never in production

        client: Any = mongomock.MongoClient("mongodb://" + uri.partition("://")[2], tz_aware=True)
        return client.get_default_database()  # type: ignore[no-any-return]
    said = {name.lower() for name in parse_uri(uri, validate=False)["options"]}
    options = {name: value for name, value in _OPTIONS.items() if name.lower() not in said}
    client = MongoClient(uri, **options, **_DURABLE)
    return client.get_default_database()  # type: ignore[no-any-return]


class Mongo:
    """Flask extension; makes the client on first use.

    Not before, because a MongoClient made before a fork can deadlock in the child, and because an
    app must start (and say that it is not ready) while MongoDB is away.
    """

    def __init__(self, app: Flask) -> None:
        self._uri: str = app.config["MONGODB_URI"]
        self._lock = Lock()
        self._database: Database[Document] | None = None
        self._views: dict[Any, Any] = {}
        self._pid = 0

    @property
    def database(self) -> Database[Document]:
        """The database of `MONGODB_URI`."""
        with self._lock:
            if self._database is None or self._pid != os.getpid():
                self._database, self._pid = connect(self._uri), os.getpid()
                self._views.clear()
            return self._database

    @property
    def users(self) -> Collection[Document]:
        """The accounts."""
        return self.database["users"]

    def view(self, make: Callable[[Collection[Document]], V]) -> V:
        """What `make` makes of the accounts, made once for a connection."""
        database = self.database
        if make not in self._views:
            self._views[make] = make(database["users"])
        view: V = self._views[make]
        return view


def init_app(app: Flask) -> None:
    """Gives the app its connection."""
    app.extensions["mongo"] = Mongo(app)


def current_mongo() -> Mongo:
    """The connection of the current app."""
    mongo: Mongo = current_app.extensions["mongo"]
    return mongo


def _current(make: Callable[[Collection[Document]], V]) -> V:
    """Stands for what is made of the accounts of the current app."""
    return LocalProxy(lambda: current_mongo().view(make))  # type: ignore[return-value]


users = _current(partial(UserRepository, tell=journal.hear))
departed = _current(Departed)
outbox = _current(Outbox)
people = _current(People)
queue = _current(Queue)
